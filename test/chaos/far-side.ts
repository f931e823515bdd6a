import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readlink } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { until } from '../support/until.ts';

const PROGRAM = fileURLToPath(new URL('far-node.mjs', import.meta.url));
const execute = promisify(execFile);

/**
 * A network of its own, joined to this one by a cable that can be pulled. It goes away with the processes in
 * it, so that nothing is left even if the tests are killed.
 */
export interface FarSide extends AsyncDisposable {
  readonly nearAddress: string;
  readonly farAddress: string;
  /** What a command is started by in order to be there. */
  readonly within: readonly string[];
  /** Starts the one nats-server that can be there. */
  readonly startServer: (options: {
    readonly port: number;
    readonly config: string;
    readonly storeDir: string;
  }) => Promise<void>;
  readonly cut: () => Promise<void>;
  readonly join: () => Promise<void>;
}

/** @throws if one is not root, or the kernel has no network namespaces */
export async function openFarSide(): Promise<FarSide> {
  const ours = await readlink('/proc/self/ns/net');
  const holder = spawn('unshare', ['--net', process.execPath, PROGRAM], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const within = ['nsenter', `--net=/proc/${holder.pid}/ns/net`];
  const there = (...command: readonly string[]): Promise<unknown> => {
    const [program = '', ...args] = [...within, ...command];
    return execute(program, args);
  };
  try {
    await until('there is a network of its own', async () => {
      if (holder.exitCode !== null) throw new Error('unshare --net is refused');
      return (await readlink(`/proc/${holder.pid}/ns/net`)) !== ours;
    });
    // Private addresses that hardly anybody has, a net for each test process.
    const net = `10.197.${process.pid % 256}`;
    const [near, far] = [`leat${process.pid}`, 'far0'];
    const peer = ['peer', 'name', far, 'netns', String(holder.pid)];
    await execute('ip', ['link', 'add', near, 'type', 'veth', ...peer]);
    await execute('ip', ['address', 'add', `${net}.1/24`, 'dev', near]);
    await execute('ip', ['link', 'set', near, 'up']);
    await there('ip', 'link', 'set', 'lo', 'up');
    await there('ip', 'address', 'add', `${net}.2/24`, 'dev', far);
    await there('ip', 'link', 'set', far, 'up');
    return {
      nearAddress: `${net}.1`,
      farAddress: `${net}.2`,
      within,
      startServer: async (options) => {
        const ready = Promise.race([once(holder.stdout, 'data'), endOf(holder)]);
        holder.stdin.write(`${JSON.stringify(options)}\n`);
        await ready;
      },
      cut: async () => void (await there('ip', 'link', 'set', far, 'down')),
      join: async () => void (await there('ip', 'link', 'set', far, 'up')),
      [Symbol.asyncDispose]: () => close(holder),
    };
  } catch (error) {
    await close(holder);
    throw error;
  }
}

async function endOf(holder: ChildProcess): Promise<never> {
  const [code, signal] = (await once(holder, 'exit')) as [number | null, string | null];
  throw new Error(`the server of the far side did not start: ${signal ?? code}`);
}

async function close(holder: ChildProcess): Promise<void> {
  holder.stdin?.end();
  if (holder.exitCode === null && holder.signalCode === null) await once(holder, 'exit');
}
