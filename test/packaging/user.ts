import { mkdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { run } from '../support/command.ts';
import { tempDir } from '../support/temp-dir.ts';

/** Somebody with an empty folder outside of the repository, to whom our packages are published. */
export interface User extends AsyncDisposable {
  readonly folder: string;
  /** Runs a command in a folder of theirs, and gives what it printed. */
  readonly types: (command: string, options?: { readonly in?: string }) => Promise<string>;
}

export async function newUser(): Promise<User> {
  const dir = await tempDir();
  const home = join(dir.path, 'work');
  await mkdir(home);
  // What another run of the tests packed under the same version must not be found: hence a home of their own.
  await writeFile(
    join(dir.path, '.npmrc'),
    `registry=${inject('registry')}\naudit=false\nfund=false\n`,
  );
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'leat');
  const env = {
    LEAT_CACHE_DIR: cache,
    ...withoutPackageManager(process.env),
    HOME: dir.path,
  };
  return {
    folder: home,
    types: (command, options = {}) =>
      run('sh', ['-c', command], {
        cwd: join(home, options.in ?? ''),
        env,
        timeoutMs: 300_000,
      }),
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
}

/** The environment without what pnpm adds for the scripts that it runs. */
function withoutPackageManager(variables: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(variables).filter(([name]) => !/^(npm|pnpm|vitest)_/i.test(name));
  const env = Object.fromEntries(kept);
  const path = env['PATH']?.split(':').filter((each) => !each.includes('node_modules'));
  return { ...env, ...(path && { PATH: path.join(':') }) };
}
