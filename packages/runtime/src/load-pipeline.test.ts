import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Mapper } from '@leat/sdk';
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

test.each<[string, string, string]>([
  [
    'lacks-file.ts',
    `import { n } from './absent.ts';\nexport default n;`,
    `Cannot find module './absent.ts' (imported at DIR/lacks-file.ts:1)`,
  ],
  [
    'lacks-package.ts',
    `\nimport { n } from 'no-such-package';\nexport default n;`,
    `Cannot find module 'no-such-package' (imported at DIR/lacks-package.ts:2)`,
  ],
  [
    'lacks-late.mjs',
    `\n\nconst { n } = await import('./absent.mjs');\nexport default n;`,
    `Cannot find module './absent.mjs' (imported at DIR/lacks-late.mjs:3)`,
  ],
  [
    'lacks-inside.ts',
    `import { x } from './inside.ts';\nexport default x;`,
    `Cannot find module './gone.ts' (imported at DIR/inside.ts:2)`,
  ],
  [
    'lacks-dependency.ts',
    `import { x } from 'half';\nexport default x;`,
    `Cannot find module 'lacking' (imported at DIR/node_modules/half/index.js:1, in an installed package that lacks it: install your packages again)`,
  ],
])(
  'an import of %s that leads nowhere is named, with its file and line',
  async (name, text, says) => {
    await writeFile(
      join(directory, 'inside.ts'),
      `export const n = 1;\nimport { x } from './gone.ts';\nexport { x };`,
    );
    const half = join(directory, 'node_modules', 'half');
    await mkdir(half, { recursive: true });
    await writeFile(join(half, 'package.json'), '{ "type": "module", "exports": "./index.js" }');
    await writeFile(join(half, 'index.js'), `import 'lacking';\nexport const x = 1;`);
    await expect(load(name, text)).rejects.toMatchObject({
      code: 'invalid-pipeline',
      message: `The pipeline file ${join(directory, name)} cannot be loaded: ${says.replaceAll('DIR', directory)}.`,
    });
  },
);

test('paths, decorators and top-level await mean what the tsconfig.json says', async () => {
  const file = fileURLToPath(
    new URL('../../../test/fixtures/typescript/src/pipeline.ts', import.meta.url),
  );
  const { stages } = await loadPipeline(file);
  const { work } = stages.find(({ name }) => name === 'orders') as Mapper;
  const apply = work.apply as (record: unknown) => unknown;
  expect(apply({ id: 3 })).toEqual({ id: 3, total: 4.01 });
});

test('decorators are refused where the tsconfig.json does not say which', async () => {
  const text = `${IMPORT}${STAGES}const twice = (..._: unknown[]) => undefined;\nclass A { @twice m() {} }\nexport default pipeline('p', { savers: [out] });`;
  await expect(load('decorated.ts', text)).rejects.toThrow(
    /decorated\.ts cannot be loaded: it has a decorator, and its tsconfig\.json does not set "experimentalDecorators" to true: standard decorators are not supported \(at .*decorated\.ts:7:\d+\)\.$/,
  );
});

test('a tsconfig.json that cannot be read is named', async () => {
  const broken = join(directory, 'broken');
  await mkdir(broken);
  await writeFile(join(broken, 'tsconfig.json'), '{ "extends": "./absent.json" }');
  await expect(load('broken/good.ts', 'export default 1;')).rejects.toThrow(
    /In the pipeline file .*good\.ts: The tsconfig\.json above it cannot be read: /,
  );
});

test.each([true, false])(
  'decorators are given types where the tsconfig.json says so: %s',
  async (emitDecoratorMetadata) => {
    const home = join(directory, `metadata-${emitDecoratorMetadata}`);
    await mkdir(home);
    const compilerOptions = { experimentalDecorators: true, emitDecoratorMetadata };
    await writeFile(join(home, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
    const text = `const told: unknown[] = [];
Reflect.metadata = (key: string, type: unknown) => () => void told.push([key, type]);
const keep = (_: object, __: string, property: PropertyDescriptor): void => { told.push(typeof property.value); };
class A { @keep of(n: number): string { return String(n); } }
delete Reflect.metadata;
class B { @keep of(n: number): string { return String(n); } }
throw new Error(JSON.stringify([told.length, new B().of(5)]));`;
    await expect(load(`${home.slice(directory.length + 1)}/typed.ts`, text)).rejects.toThrow(
      emitDecoratorMetadata ? '[4,"5"]' : '[2,"5"]',
    );
  },
);
