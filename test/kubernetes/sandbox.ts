import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { run } from '../support/command.ts';
import { until } from '../support/until.ts';

/** The address of the machine in the sandbox. */
export const SANDBOX_ADDRESS = '10.250.0.1';

/** Addresses for tests of networks (RFC 2544): nobody else's. */
const OUTSIDE = '198.18.0';

/** What is put before a command, so that it runs inside. */
export type Prefix = readonly string[];

/**
 * A machine of its own as far as networks, mounts and processes go, so that a node of Kubernetes leaves
 * nothing behind on this one: when its first process ends, everything in it does.
 */
export class Sandbox implements AsyncDisposable {
  readonly prefix: Prefix;
  readonly #process: ChildProcess;

  private constructor(process_: ChildProcess, inner: string) {
    this.#process = process_;
    this.prefix = ['nsenter', `--target=${inner}`, '--net', '--mount', '--pid', '--'];
  }

  static async start(): Promise<Sandbox> {
    const unshare = ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child'];
    const child = spawn(
      'setpriv',
      ['--pdeathsig=KILL', '--', ...unshare, '--mount-proc', 'sleep', 'infinity'],
      { stdio: 'ignore' },
    );
    const childrenFile = `/proc/${child.pid}/task/${child.pid}/children`;
    let inner = '';
    await until('the sandbox is there', async () => {
      inner = (await run('cat', [childrenFile]).catch(() => '')).trim();
      const name = inner === '' ? '' : await run('cat', [`/proc/${inner}/comm`]).catch(() => '');
      return name.trim() === 'sleep';
    });
    const sandbox = new Sandbox(child, inner);
    // Leaves of the tools' own: sockets, and the logs of pods.
    for (const folder of ['/run', '/var/log']) {
      await sandbox.run('mount', '-t', 'tmpfs', 'leat-test', folder);
    }
    await sandbox.run('ip', 'link', 'set', 'lo', 'up');
    await sandbox.run('ip', 'address', 'add', `${SANDBOX_ADDRESS}/32`, 'dev', 'lo');
    return sandbox;
  }

  /**
   * Connects the sandbox with this machine, which is then what is outside of the cluster.
   *
   * @returns addresses of this machine that the sandbox reaches; they go with the sandbox
   */
  async connect(count: number): Promise<string[]> {
    const [ours, theirs] = ['leat-test', 'outside'];
    const [, target = ''] = /=(\d+)/.exec(this.prefix.join(' ')) ?? [];
    const ends = ['type', 'veth', 'peer', 'name', theirs, 'netns', target];
    await run('ip', ['link', 'add', ours, ...ends]);
    const addresses = Array.from({ length: count }, (_, at) => `${OUTSIDE}.${at + 2}`);
    for (const address of addresses) {
      await run('ip', ['address', 'add', `${address}/24`, 'dev', ours]);
    }
    await run('ip', ['link', 'set', ours, 'up']);
    await this.run('ip', 'address', 'add', `${OUTSIDE}.1/24`, 'dev', theirs);
    await this.run('ip', 'link', 'set', theirs, 'up');
    return addresses;
  }

  run(...command: readonly string[]): Promise<string> {
    const [file = '', ...args] = [...this.prefix, ...command];
    return run(file, args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
    await until('the control groups of the pods are empty', removeControlGroups);
  }
}

/** Removes those that a kubelet made; they belong to the machine and not to the sandbox. */
async function removeControlGroups(): Promise<boolean> {
  const groups = ['/sys/fs/cgroup', '-depth', '-type', 'd', '-path', '*/kubepods*'];
  await run('find', [...groups, '-exec', 'rmdir', '{}', ';']).catch(() => undefined);
  return (await run('find', groups)) === '';
}
