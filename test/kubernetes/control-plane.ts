import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../support/command.ts';
import { freePort } from '../support/free-port.ts';
import { tempDir, type TempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';
import { COMPONENTS } from './components.ts';
import { Daemon } from './daemon.ts';
import { type Prefix, SANDBOX_ADDRESS } from './sandbox.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A real API server with its store, controllers and scheduler: all of a cluster but its nodes. */
export class ControlPlane implements AsyncDisposable {
  readonly dir: string;
  readonly port: number;
  readonly #temp: TempDir;
  readonly #prefix: Prefix;
  readonly #daemons: Daemon[] = [];

  private constructor(temp: TempDir, port: number, prefix: Prefix) {
    this.#temp = temp;
    this.dir = temp.path;
    this.port = port;
    this.#prefix = prefix;
  }

  /** @param prefix where it runs: by default, on this machine */
  static async start(prefix: Prefix = []): Promise<ControlPlane> {
    const plane = new ControlPlane(await tempDir(), await freePort(), prefix);
    try {
      await plane.#start();
      return plane;
    } catch (error) {
      await plane[Symbol.asyncDispose]();
      throw error;
    }
  }

  get kubeconfig(): string {
    return join(this.dir, 'kubeconfig');
  }

  async #start(): Promise<void> {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = join(this.dir, 'accounts.key');
    await writeFile(key, privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 });
    const token = randomUUID();
    const tokens = join(this.dir, 'tokens.csv');
    await writeFile(tokens, `${token},admin,admin,"system:masters"\n`, { mode: 0o600 });
    await writeFile(this.kubeconfig, kubeconfigOf(this.port, token), { mode: 0o600 });

    const [store, peer] = [await freePort(), await freePort()].map(
      (port) => `http://127.0.0.1:${port}`,
    );
    this.daemon('etcd', [
      `--data-dir=${join(this.dir, 'etcd')}`,
      `--listen-client-urls=${store}`,
      `--advertise-client-urls=${store}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
    ]);
    const api = this.daemon('kube-apiserver', [
      `--etcd-servers=${store}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${this.port}`,
      `--advertise-address=${SANDBOX_ADDRESS}`,
      `--cert-dir=${join(this.dir, 'certificates')}`,
      `--token-auth-file=${tokens}`,
      '--authorization-mode=RBAC',
      `--service-account-key-file=${key}`,
      `--service-account-signing-key-file=${key}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      '--service-cluster-ip-range=10.96.0.0/16',
      '--kubelet-preferred-address-types=InternalIP',
    ]);
    await until(
      'the API server is ready',
      async () => {
        if (!api.isRunning) throw new Error(await api.tail());
        return this.kubectl('get', '--raw=/readyz').then(
          () => true,
          () => false,
        );
      },
      120_000,
    );
    const client = [`--kubeconfig=${this.kubeconfig}`, '--leader-elect=false'];
    this.daemon('kube-controller-manager', [
      ...client,
      `--service-account-private-key-file=${key}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${await freePort()}`,
      `--cert-dir=${join(this.dir, 'certificates-controllers')}`,
      // Otherwise it makes a folder of the system's.
      `--flex-volume-plugin-dir=${join(this.dir, 'volume-plugins')}`,
    ]);
    this.daemon('kube-scheduler', [
      ...client,
      '--bind-address=127.0.0.1',
      `--secure-port=${await freePort()}`,
      `--cert-dir=${join(this.dir, 'certificates-scheduler')}`,
    ]);
    await until(
      'the controllers are at work',
      () => this.kubectl('get', 'serviceaccount', 'default').then(Boolean, () => false),
      60_000,
    );
  }

  /** Starts one of the components, until the end. */
  daemon(name: string, args: readonly string[], program: string = join(COMPONENTS, name)): Daemon {
    const daemon = new Daemon(this.dir, name, this.#prefix, [program, ...args]);
    this.#daemons.unshift(daemon);
    return daemon;
  }

  kubectl(...args: readonly string[]): Promise<string> {
    return this.#client('kubectl', args);
  }

  helm(...args: readonly string[]): Promise<string> {
    return this.#client('helm', args);
  }

  /** Makes or changes what a text describes; the server checks every field. */
  apply(manifests: string, ...options: readonly string[]): Promise<string> {
    const args = ['apply', '--server-side', '--validate=strict', '--filename=-', ...options];
    return this.#client('kubectl', args, manifests);
  }

  async get<T>(...args: readonly string[]): Promise<T> {
    return JSON.parse(await this.kubectl('get', '--output=json', ...args)) as T;
  }

  /** Runs a script as somebody would who has the cluster before him, in the folder of the repository. */
  inRepository(script: string): Promise<string> {
    return this.#run(['bash', '-euo', 'pipefail', '-c', `cd "$0"; ${script}`, ROOT]);
  }

  #client(name: string, args: readonly string[], input?: string): Promise<string> {
    return this.#run([join(COMPONENTS, name), ...args], input);
  }

  async #run(command: readonly string[], input?: string): Promise<string> {
    const [file = '', ...rest] = [...this.#prefix, ...command];
    const home = join(this.dir, 'home');
    await mkdir(home, { recursive: true });
    const path = `${COMPONENTS}:${process.env['PATH']}`;
    const env = { PATH: path, HOME: home, KUBECONFIG: this.kubeconfig };
    return run(file, rest, { env, timeoutMs: 300_000, ...(input !== undefined && { input }) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of this.#daemons) await daemon[Symbol.asyncDispose]();
    await this.#temp[Symbol.asyncDispose]();
  }
}

function kubeconfigOf(port: number, token: string): string {
  const cluster = { server: `https://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster }],
    users: [{ name: 'test', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  });
}
