import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { leat } from '../support/leat.ts';
import { tempDir } from '../support/temp-dir.ts';

const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));

/** What a pipeline file may begin with. Not type-checked: users write JavaScript, and make mistakes. */
const HEAD = `
import { ndjsonSink } from '@leat/connectors/files';
import { generate } from '@leat/connectors/memory';
import { fetcher, mapper, pipeline, saver } from '@leat/sdk';
import { z } from 'zod';
const schema = z.object({ n: z.number() });
const numbers = fetcher('numbers', { source: generate(100, (n) => ({ n })), schema });
const sink = ndjsonSink('out');
const map = (record) => record;
`;

const ONE_SENTENCE = /^leat: [^\n]+\n$/;

interface Case {
  readonly what: string;
  readonly text: string;
  /** What the sentence must say, beside the file's name. */
  readonly says: RegExp;
}

const FILES: readonly Case[] = [
  {
    what: 'does not compile',
    text: `${HEAD}const x = ;`,
    says: /cannot be loaded: .*token.*\(at .*p\.ts:10:\d+\)/i,
  },
  {
    what: 'throws',
    text: `${HEAD}function boom() {\n  throw new Error('no config for you');\n}\nboom();`,
    says: /cannot be loaded: no config for you \(at .*p\.ts:\d+:\d+\)/,
  },
  { what: 'throws a string', text: `throw 'just a string';`, says: /just a string/ },
  {
    what: 'imports what is not there',
    text: `import nothing from './nothing.ts';\nexport default nothing;`,
    says: /Cannot find module '.*nothing\.ts'/,
  },
  { what: 'exports nothing', text: `${HEAD}export const p = 1;`, says: /exports no pipeline/ },
  {
    what: 'exports something else',
    text: `${HEAD}export default { name: 'p' };`,
    says: /exports something else than a pipeline/,
  },
  {
    what: 'has two stages of one name',
    text: `${HEAD}export default pipeline('p', { savers: [saver('numbers', { from: numbers, sink })] });`,
    says: /two stages named "numbers"/,
  },
  {
    what: 'has a wrong name',
    text: `${HEAD}export default pipeline('My Pipeline', { savers: [saver('out', { from: numbers, sink })] });`,
    says: /pipeline name "My Pipeline" must be/,
  },
  {
    what: 'has a stage with a name of Leat’s own',
    text: `${HEAD}export default pipeline('p', { savers: [saver('dead', { from: numbers, sink })] });`,
    says: /stage name "dead" is taken/,
  },
  {
    what: 'has a saver that reads from nothing',
    text: `${HEAD}export default pipeline('p', { savers: [saver('out', { from: undefined, sink })] });`,
    says: /stage "out".*reads from nothing/,
  },
  {
    what: 'has a mapper that reads from nothing',
    text: `${HEAD}const m = mapper('work', { schema, map });`,
    says: /stage "work".*reads from nothing/,
  },
  {
    what: 'has a mapper that reads from a saver',
    text: `${HEAD}const m = mapper('work', { from: saver('out', { from: numbers, sink }), schema, map });`,
    says: /stage "work".*reads from/,
  },
  {
    what: 'has no savers',
    text: `${HEAD}export default pipeline('p', { savers: [] });`,
    says: /"p" needs at least one saver/,
  },
  {
    what: 'has forgotten its savers',
    text: `${HEAD}export default pipeline('p');`,
    says: /"p" needs at least one saver/,
  },
  {
    what: 'has a mapper with two functions',
    text: `${HEAD}mapper('work', { from: numbers, schema, map, flatMap: map });`,
    says: /stage "work".*exactly one of map, enrich, flatMap, filter and mapChunk; it has map and flatMap/,
  },
  {
    what: 'has a mapper with no function',
    text: `${HEAD}mapper('work', { from: numbers, schema });`,
    says: /stage "work".*exactly one of map, enrich, flatMap, filter and mapChunk; it has none/,
  },
  {
    what: 'has a mapper with a schema that is none',
    text: `${HEAD}mapper('work', { from: numbers, schema: {}, map });`,
    says: /stage "work".*needs a schema made by zod/,
  },
  {
    what: 'has a mapper with an option that there is not',
    text: `${HEAD}mapper('work', { from: numbers, map, concurency: 3 });`,
    says: /stage "work".*There is no option "concurency": did you mean concurrency\?/,
  },
  {
    what: 'has a fetcher without a source',
    text: `${HEAD}fetcher('lines', { schema });`,
    says: /stage "lines".*source/,
  },
  {
    what: 'has a saver without a sink',
    text: `${HEAD}saver('out', { from: numbers });`,
    says: /stage "out".*sink/,
  },
  {
    what: 'wants 0 records in a chunk',
    text: `${HEAD}fetcher('lines', { source: generate(1, (n) => ({ n })), schema, chunkSize: 0 });`,
    says: /stage "lines".*chunkSize must be a whole number from 1/,
  },
  {
    what: 'waits for what never comes',
    text: `await new Promise(() => {});\nexport default 1;`,
    says: /never/,
  },
];

test.each(FILES)('a pipeline file that $what is refused by name', async ({ text, says }) => {
  await using dir = await tempDir();
  await symlink(MODULES, join(dir.path, 'node_modules'));
  await writeFile(join(dir.path, 'p.ts'), text);
  const { code, stderr } = await leat(['dev', 'p.ts'], { cwd: dir.path });
  expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringMatching(says) });
  expect(stderr).toMatch(ONE_SENTENCE);
  expect(stderr).toContain('pipeline file p.ts');
});

test.each([
  { what: 'is not there', file: 'nowhere.ts', says: /pipeline file nowhere\.ts does not exist/ },
  { what: 'is a directory', file: '.', says: /pipeline file \. is not a file/ },
])('a pipeline file that $what is refused by name', async ({ file, says }) => {
  await using dir = await tempDir();
  const { code, stderr } = await leat(['dev', file], { cwd: dir.path });
  expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringMatching(says) });
  expect(stderr).toMatch(ONE_SENTENCE);
});

/** What is only found out when the run begins: it ends at once, and can go on when it is mended. */
test.each([
  {
    what: 'a source function that throws',
    source: `() => { throw new Error('no token'); }`,
    sink: 'sink',
    says: /no token/,
  },
  {
    what: 'a source function that gives nothing',
    source: '() => undefined',
    sink: 'sink',
    says: /numbers/,
  },
  {
    what: 'a sink function that throws',
    source: 'generate(10, (n) => ({ n }))',
    sink: `() => { throw new Error('no table'); }`,
    says: /saver out.*no table/,
  },
  {
    what: 'a sink function that gives nothing',
    source: 'generate(10, (n) => ({ n }))',
    sink: '() => undefined',
    says: /saver out/,
  },
])('$what ends the run with its message', async ({ source, sink, says }) => {
  await using dir = await tempDir();
  await symlink(MODULES, join(dir.path, 'node_modules'));
  await writeFile(
    join(dir.path, 'p.ts'),
    `${HEAD.replace(/source: .*, schema/, `source: ${source}, schema`)}
     export default pipeline('p', { savers: [saver('out', { from: numbers, sink: ${sink} })] });`,
  );
  const { code, stderr } = await leat(['dev', 'p.ts'], { cwd: dir.path });
  expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringMatching(says) });
  expect(stderr).not.toMatch(/\n\s+at |Warning/);
});

test('a function that ends the process with 0 does not end its command so', async () => {
  await using dir = await tempDir();
  await symlink(MODULES, join(dir.path, 'node_modules'));
  await writeFile(
    join(dir.path, 'p.ts'),
    `${HEAD}
     const ending = mapper('ending', { from: numbers, schema, map: () => process.exit(0) });
     export default pipeline('p', { savers: [saver('out', { from: ending, sink })] });`,
  );
  const { code, stderr } = await leat(['dev', 'p.ts'], { cwd: dir.path });
  expect({ code, stderr }).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('ended before the command was over, by process.exit'),
  });
});
