import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../support/command.ts';
import type { Packed } from './registry.ts';

const PACKAGES = fileURLToPath(new URL('../../packages', import.meta.url));

/** Packs every package into a folder, as a release would publish it. */
export async function packAll(folder: string): Promise<Packed[]> {
  const pack = async (name: string): Promise<Packed> => {
    const output = await run(
      'npx',
      ['-y', 'pnpm@12.21.0', 'pack', '--json', '--pack-destination', folder],
      {
        cwd: join(PACKAGES, name),
      },
    );
    const { filename } = JSON.parse(output) as { readonly filename: string };
    const manifest = await run('tar', ['-xzOf', filename, 'package/package.json']);
    return { manifest: JSON.parse(manifest) as Packed['manifest'], tarball: filename };
  };
  return await Promise.all((await readdir(PACKAGES)).map(pack));
}
