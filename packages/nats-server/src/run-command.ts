import { execFile } from 'node:child_process';
import { NatsServerError } from './error.ts';

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
  /** After this the command is killed, so that a network that swallows packets cannot hang us. */
  readonly timeoutMs: number;
}

/** Runs a command to its end and gives what it printed; fails with one sentence. */
export function runCommand(
  file: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<string> {
  const { signal, timeoutMs } = options;
  return new Promise((resolve, reject) => {
    execFile(
      file,
      args,
      {
        ...(options.cwd !== undefined && { cwd: options.cwd }),
        ...(options.env !== undefined && { env: options.env }),
        ...(signal !== undefined && { signal }),
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
        maxBuffer: 64 * 1024 * 1024,
        windowsHide: true,
      },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else if (signal?.aborted === true) reject(abortError(signal));
        else reject(new NatsServerError(complaint(file, error, stderr, timeoutMs)));
      },
    );
  });
}

function abortError(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason));
}

function complaint(
  file: string,
  error: Error & { code?: unknown; killed?: boolean },
  stderr: string,
  timeoutMs: number,
): string {
  if (error.code === 'ENOENT') return `${file} is not installed`;
  if (error.killed === true) return `${file} did not finish within ${timeoutMs / 1000} s`;
  const last = stderr.trimEnd().split('\n').at(-1)?.trim() ?? '';
  if (last === '') return `${file} failed (${String(error.code)})`;
  return last.startsWith(`${file}: `) ? last : `${file}: ${last}`;
}
