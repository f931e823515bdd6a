import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { docker } from '../containers/image.ts';
import { until } from '../support/until.ts';
import { COMPONENTS, NETWORK_PLUGINS } from './components.ts';
import type { ControlPlane } from './control-plane.ts';
import { type Sandbox, SANDBOX_ADDRESS } from './sandbox.ts';

const PAUSE_IMAGE = 'leat-test-pause:1';

/**
 * Makes a node of the sandbox: containers, a network for pods, services, names. It lives as long as the cluster.
 *
 * @param images those that pods may use: the engine's name of each, and the name by which pods know it
 */
export async function startNode(
  plane: ControlPlane,
  sandbox: Sandbox,
  images: Readonly<Record<string, string>>,
): Promise<void> {
  const { dir } = plane;
  const socket = join(dir, 'containerd.sock');
  await writeConfigs(plane, socket);
  plane.daemon('containerd', [`--config=${join(dir, 'containerd.toml')}`], 'containerd');
  await load(plane, sandbox, socket, images);
  plane.daemon('coredns', [`-conf=${join(dir, 'Corefile')}`]);
  const asNode = [`--kubeconfig=${plane.kubeconfig}`, '--hostname-override=node'];
  plane.daemon('kube-proxy', [
    ...asNode,
    '--cluster-cidr=10.244.0.0/16',
    // The limits of the machine are left as they are.
    '--conntrack-max-per-core=0',
    '--conntrack-tcp-timeout-established=0',
    '--conntrack-tcp-timeout-close-wait=0',
  ]);
  plane.daemon('kubelet', [
    ...asNode,
    `--config=${join(dir, 'kubelet.json')}`,
    `--root-dir=${join(dir, 'kubelet')}`,
    `--cert-dir=${join(dir, 'certificates-kubelet')}`,
    `--node-ip=${SANDBOX_ADDRESS}`,
  ]);
  await until(
    'the node is ready',
    () => plane.kubectl('wait', '--for=condition=Ready', 'node/node').then(Boolean, () => false),
    60_000,
  );
}

/** A folder of the node as a volume that one claim gets. */
export async function giveVolume(plane: ControlPlane, claim: string): Promise<void> {
  const path = join(plane.dir, 'volumes', claim);
  await mkdir(path, { recursive: true });
  // The kubelet does not hand folders of the node to the user of a pod.
  await chmod(path, 0o777);
  const volume = {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: claim },
    spec: {
      capacity: { storage: '10Gi' },
      accessModes: ['ReadWriteOnce'],
      hostPath: { path },
      claimRef: { namespace: 'leat', name: claim },
    },
  };
  await plane.apply(JSON.stringify(volume));
}

async function load(
  plane: ControlPlane,
  sandbox: Sandbox,
  socket: string,
  images: Readonly<Record<string, string>>,
): Promise<void> {
  const context = join(plane.dir, 'pause');
  await mkdir(context);
  await copyFile(join(COMPONENTS, 'pause'), join(context, 'pause'));
  await writeFile(
    join(context, 'Dockerfile'),
    'FROM scratch\nCOPY pause /pause\nENTRYPOINT ["/pause"]\n',
  );
  await docker('build', '--tag', PAUSE_IMAGE, context);
  const archive = join(plane.dir, 'images.tar');
  await docker('save', '--output', archive, PAUSE_IMAGE, ...Object.keys(images));
  const ctr = ['ctr', `--address=${socket}`, '--namespace=k8s.io'];
  await until('containerd answers', () =>
    sandbox.run(...ctr, 'version').then(Boolean, () => false),
  );
  await sandbox.run(...ctr, 'images', 'import', archive);
  for (const [name, known] of Object.entries(images)) {
    if (name === known) continue;
    const [from, to] = [name, known].map((each) => `docker.io/library/${each}`);
    await sandbox.run(...ctr, 'images', 'tag', from ?? '', to ?? '');
  }
}

async function writeConfigs(plane: ControlPlane, socket: string): Promise<void> {
  const { dir } = plane;
  const network = {
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: [
      {
        type: 'bridge',
        bridge: 'pods0',
        isGateway: true,
        ipMasq: true,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          ranges: [[{ subnet: '10.244.0.0/16' }]],
          routes: [{ dst: '0.0.0.0/0' }],
          dataDir: join(dir, 'addresses'),
        },
      },
    ],
  };
  const kubelet = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    cgroupDriver: 'cgroupfs',
    containerRuntimeEndpoint: `unix://${socket}`,
    failSwapOn: false,
    clusterDNS: [SANDBOX_ADDRESS],
    clusterDomain: 'cluster.local',
    volumePluginDir: join(dir, 'volume-plugins'),
    // The machine's disk and memory are not the node's alone.
    evictionHard: { 'memory.available': '10Mi', 'nodefs.available': '1%' },
    imageGCHighThresholdPercent: 100,
  };
  const containerd = `version = 2
root = "${join(dir, 'containerd')}"
state = "${join(dir, 'containerd-state')}"
[grpc]
  address = "${socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/library/${PAUSE_IMAGE}"
  # Machines that are virtual themselves may not let processes be spared from want of memory.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${NETWORK_PLUGINS}"
    conf_dir = "${join(dir, 'networks')}"
`;
  const names = `cluster.local:53 {
  bind ${SANDBOX_ADDRESS}
  errors
  kubernetes cluster.local {
    endpoint https://127.0.0.1:${plane.port}
    kubeconfig ${plane.kubeconfig} test
  }
}
`;
  await mkdir(join(dir, 'networks'));
  await writeFile(join(dir, 'networks', 'pods.conflist'), JSON.stringify(network));
  await writeFile(join(dir, 'kubelet.json'), JSON.stringify(kubelet));
  await writeFile(join(dir, 'containerd.toml'), containerd);
  await writeFile(join(dir, 'Corefile'), names);
}
