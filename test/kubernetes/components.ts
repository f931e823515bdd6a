import { access } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { run } from '../support/command.ts';

/** Where get-components.sh puts what the tests run on. */
export const COMPONENTS: string = join(
  process.env['LEAT_CACHE_DIR'] ??
    join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'leat'),
  'kubernetes',
);

/** Where Debian has the plugins that connect pods. */
export const NETWORK_PLUGINS = '/usr/lib/cni';

/** Says why there can be no API server; undefined if there can. */
export async function whyNoControlPlane(): Promise<string | undefined> {
  const last = ['versions', 'keda-crds.yaml', 'prometheus-crds.yaml'];
  const isThere = await Promise.all(last.map((file) => access(join(COMPONENTS, file)))).then(
    () => true,
    () => false,
  );
  return isThere ? undefined : 'its components are not built: test/kubernetes/get-components.sh';
}

/** Says why no pods can run here; undefined if they can. */
export async function whyNoNode(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'pods need root';
  try {
    await run('which', ['containerd', 'ctr', 'runc', 'iptables', 'unshare', 'nsenter', 'ip']);
    await access(join(NETWORK_PLUGINS, 'bridge'));
    return undefined;
  } catch {
    return 'pods need containerd, runc, containernetworking-plugins, iptables and iproute2 (apt-get install)';
  }
}
