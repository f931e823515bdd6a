import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { codeVersionOf } from './code-version.ts';

let file = '';
beforeAll(async () => {
  const dir = await mkdtemp(path.join(tmpdir(), 'leat-code-'));
  file = path.join(dir, 'pipeline.ts');
  await writeFile(file, 'export default 1;\n');
});
afterAll(() => rm(path.dirname(file), { recursive: true }));

test('the version of the code is a checksum of the pipeline file, another one for another file', async () => {
  const version = await codeVersionOf(file);
  expect(version).toBe('96909e1d');
  await writeFile(file, 'export default 2;\n');
  expect(await codeVersionOf(file)).not.toBe(version);
});
