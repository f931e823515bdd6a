import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { codeVersionOf } from './code-version.ts';
import type { Call } from './command.ts';
import { readSettings } from './settings.ts';

let file = '';
beforeAll(async () => {
  const dir = await mkdtemp(path.join(tmpdir(), 'leat-code-'));
  file = path.join(dir, 'pipeline.ts');
  await writeFile(file, 'export default 1;\n');
});
afterAll(() => rm(path.dirname(file), { recursive: true }));

const callWith = (
  flags: Readonly<Record<string, string>>,
  variables: Readonly<Record<string, string>> = {},
): Call => ({ settings: readSettings(flags, variables) }) as Call;

test('the version of the code is what the operator calls it', async () => {
  expect(await codeVersionOf(callWith({ 'code-version': 'v1-2_3' }), 'not there')).toBe('v1-2_3');
  const given = callWith({}, { LEAT_CODE_VERSION: 'sha-0123abc' });
  expect(await codeVersionOf(given, 'not there')).toBe('sha-0123abc');
});

test('the version of the code is a checksum of the pipeline file otherwise, another one for another file', async () => {
  const version = await codeVersionOf(callWith({}), file);
  expect(version).toBe('96909e1d');
  expect(await codeVersionOf(callWith({}, { LEAT_CODE_VERSION: '' }), file)).toBe(version);
  await writeFile(file, 'export default 2;\n');
  expect(await codeVersionOf(callWith({}), file)).not.toBe(version);
});

test.each(['1.2.3', 'a b', 'é', '*', '>', 'x'.repeat(65)])(
  'the version %j is refused: it is a part of a key',
  (version) => {
    expect(() => callWith({ 'code-version': version })).toThrow(
      '--code-version (LEAT_CODE_VERSION) must be 1 to 64 letters, digits, - or _',
    );
  },
);
