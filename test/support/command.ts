import { execFile } from 'node:child_process';

/** Runs a command to its end, and gives what it printed; fails with all that it said. */
export function run(
  file: string,
  args: readonly string[],
  options: {
    readonly env?: NodeJS.ProcessEnv;
    readonly cwd?: string;
    readonly input?: string;
    /** @defaultValue 120_000 (2 min) */
    readonly timeoutMs?: number;
  } = {},
): Promise<string> {
  const { timeoutMs = 120_000, input, ...rest } = options;
  return new Promise((resolve, reject) => {
    const limits = { timeout: timeoutMs, maxBuffer: 256 * 1024 * 1024 };
    const child = execFile(file, args, { ...rest, ...limits }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${file} ${args.join(' ')}: ${error.message}\n${stdout}${stderr}`));
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input ?? '');
  });
}
