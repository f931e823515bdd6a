import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { tempDir } from './temp-dir.ts';

/** Makes keys in files for one test. @returns each as `id:file` */
export async function newSigningKeys<const Id extends string>(
  ...ids: readonly Id[]
): Promise<Record<Id, string>> {
  const { path } = await tempDir();
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  const keys = ids.map(async (id) => {
    const file = join(path, id);
    await writeFile(file, randomBytes(32).toString('base64'), { mode: 0o600 });
    return [id, `${id}:${file}`] as const;
  });
  return Object.fromEntries(await Promise.all(keys)) as Record<Id, string>;
}
