import { mkdir } from 'node:fs/promises';
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
  const registry = inject('registry');
  const env = {
    ...withoutPackageManager(process.env),
    npm_config_registry: registry,
    // What another run of the tests packed under the same version must not be found.
    npm_config_cache: join(dir.path, 'cache'),
    npm_config_store_dir: join(dir.path, 'store'),
    npm_config_update_notifier: 'false',
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    npm_config_minimum_release_age: '0',
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
