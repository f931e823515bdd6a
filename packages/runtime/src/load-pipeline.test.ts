import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadPipeline } from './load-pipeline.ts';

let directory: string;

beforeAll(async () => {
  // Inside the package, so that the files find its dependencies.
  directory = await mkdtemp(fileURLToPath(new URL('../../sdk/.test-', import.meta.url)));
});

afterAll(() => rm(directory, { recursive: true }));

async function load(name: string, text: string): ReturnType<typeof loadPipeline> {
  await writeFile(join(directory, name), text);
  return loadPipeline(join(directory, name));
}

const IMPORT = `import { fetcher, pipeline, saver } from '../../sdk/dist/index.js';\nimport { z } from 'zod';\n`;
const STAGES = `
const numbers = fetcher('numbers', { source: { kind: 'none', async *chunks() {} }, schema: z.unknown() });
const out = saver('out', { from: numbers, sink: { kind: 'none', open: async () => { throw new Error(); } } });
`;

test.each(['good.ts', 'good.mts', 'good.mjs'])('%s is loaded', async (name) => {
  const typed = name.endsWith('.mjs') ? '' : 'const name: string = "p" as const;\n';
  const text = `${IMPORT}${STAGES}${typed}export default pipeline('p', { savers: [out] });`;
  expect((await load(name, text)).spec.stages).toHaveLength(2);
});

test.each<[string, string, string]>([
  ['syntax.ts', 'const = 1;', 'cannot be loaded: '],
  ['throws.ts', `throw new Error('on purpose');`, 'cannot be loaded: on purpose'],
  ['imports.ts', `import '../../sdk/src/absent.ts';`, 'cannot be loaded: '],
  ['empty.ts', '', 'exports no pipeline'],
  ['other.ts', 'export default { kind: "saver" };', 'exports something else than a pipeline'],
])('%s is refused with its reason', async (name, text, reason) => {
  await expect(load(name, text)).rejects.toMatchObject({
    code: 'invalid-pipeline',
    message: expect.stringContaining(`The pipeline file ${join(directory, name)} ${reason}`),
  });
});

test.each(['own.ts', 'own.mjs'])('what the definitions of %s refuse is told', async (name) => {
  const text = `${IMPORT}${STAGES}export default pipeline('Not A Name', { savers: [out] });`;
  await expect(load(name, text)).rejects.toThrow('The pipeline name "Not A Name" must be');
});

test('a file that is not there is told', async () => {
  await expect(loadPipeline(join(directory, 'absent.ts'))).rejects.toThrow('does not exist');
});
