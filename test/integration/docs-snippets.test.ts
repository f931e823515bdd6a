import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../support/command.ts';
import { pagesOf, ROOT } from '../support/pages.ts';

/** Below the repository, so that imports find its packages as they find installed ones. */
const FOLDER = join(ROOT, 'out', 'docs-snippets');

interface Snippet {
  /** The page and the snippet's number on it, from 1: also the name of its file. */
  readonly name: string;
  readonly code: string;
  /** Whether it is a whole pipeline that needs neither a database nor a network nor a file. */
  readonly isRunnable: boolean;
}

/** The TypeScript on a page: each block is a module, or continues the block before it. */
function snippetsOf(page: string, text: string): Snippet[] {
  const modules: string[] = [];
  for (const [, info = '', code = ''] of text.matchAll(/^```ts(.*)\n([^]*?)^```$/gm)) {
    if (info.trim() === 'continued' && modules.length > 0) modules.push(`${modules.pop()}${code}`);
    else modules.push(code);
  }
  return modules.map((code, index) => ({
    name: `${page.replaceAll(/[/.]/g, '-')}-${index + 1}`,
    code,
    isRunnable:
      /^export default pipeline\(/m.test(code) &&
      !/fetch\(|postgres|pglite|ndjsonSource|csv|jsonArray/.test(code),
  }));
}

/** Pages that quote programs which other tests run: docs-client and docs-testing. */
const QUOTING: ReadonlySet<string> = new Set(['docs/client.md', 'docs/testing.md']);

const pages = (await pagesOf()).filter((page) => !QUOTING.has(page));
const snippets = (
  await Promise.all(
    pages.map(async (page) => snippetsOf(page, await readFile(join(ROOT, page), 'utf8'))),
  )
).flat();

beforeAll(async () => {
  await mkdir(FOLDER, { recursive: true });
  for (const { name, code } of snippets) {
    await writeFile(join(FOLDER, `${name}.ts`), `${code}\nexport {};\n`);
  }
});
afterAll(() => rm(FOLDER, { recursive: true, force: true }));

test('every snippet compiles', async () => {
  const config = {
    extends: join(ROOT, 'tsconfig.base.json'),
    compilerOptions: {
      noEmit: true,
      composite: false,
      incremental: false,
      tsBuildInfoFile: null,
      declaration: false,
      declarationMap: false,
      isolatedDeclarations: false,
      noUnusedLocals: false,
      rootDir: ROOT,
    },
    include: ['*.ts'],
    exclude: [],
  };
  await writeFile(join(FOLDER, 'tsconfig.json'), JSON.stringify(config));
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  await expect(run(process.execPath, [tsc, '-p', FOLDER])).resolves.toBe('');
});

test.each(snippets.filter(({ isRunnable }) => isRunnable))('$name runs', async ({ name }) => {
  const leat = join(ROOT, 'packages/cli/bin/leat.js');
  const report = await run(process.execPath, [leat, 'dev', `${name}.ts`], { cwd: FOLDER });
  expect(report).toMatch(/^state +completed$/m);
});
