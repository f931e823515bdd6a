import { NatsServerError } from './error.ts';
import { runCommand } from './run-command.ts';
import { versionInOutput } from './version.ts';

/** A nats-server that was run once, to ask it for its version. */
export interface NatsServerBinary {
  readonly path: string;
  /** For example `2.15.2`. */
  readonly version: string;
  /** Where it came from; `cache` is one that an earlier call got from the last three. */
  readonly origin: 'env' | 'path' | 'cache' | 'release' | 'go' | 'debian';
}

/** The file name of the program on this platform. */
export const BINARY_NAME: string = process.platform === 'win32' ? 'nats-server.exe' : 'nats-server';

/** Runs `nats-server --version`: proof that the file is there, is whole, and fits this machine. */
export async function readVersion(path: string, signal?: AbortSignal): Promise<string> {
  // Generous, because a machine that is busy with several builds is slow to start anything.
  const output = await runCommand(path, ['--version'], { timeoutMs: 15_000, signal });
  const version = versionInOutput(output);
  if (version === undefined) {
    throw new NatsServerError(`${path} does not say that it is a nats-server`);
  }
  return version;
}
