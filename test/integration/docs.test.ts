import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LEAT_ERROR_CODES } from '@leat/core';
import { describe, expect, test } from 'vitest';
import { SETTINGS } from '../../packages/cli/src/settings.ts';
import { settingsTable } from '../../scripts/docs/settings-table.ts';
import { filesBelow, pagesOf, ROOT } from '../support/pages.ts';

const read = (file: string): Promise<string> => readFile(join(ROOT, file), 'utf8');

test('the configuration page has the settings as they are; "pnpm run docs" writes them', async () => {
  const page = await read('docs/configuration.md');
  const between = /(?<=<!-- settings -->\n\n)[^]*?(?=\n<!-- end of settings -->)/;
  expect(page).toMatch(between);
  await expect(page.replace(between, () => settingsTable(SETTINGS))).toMatchFileSnapshot(
    join(ROOT, 'docs/configuration.md'),
  );
});

test.each(['README.md', 'examples/hello/README.md'])(
  '%s shows the example as it is',
  async (page) => {
    const [, shown] = /```ts\n([^]*?)```/.exec(await read(page)) ?? [];
    expect(shown).toBe(await read('examples/hello/pipeline.ts'));
  },
);

test('docs/errors.md has a heading for each code, and no other', async () => {
  const headings = [...(await read('docs/errors.md')).matchAll(/^## (.+)$/gm)].map(
    ([, code]) => code,
  );
  expect(headings).toEqual([...LEAT_ERROR_CODES]);
});

test('the quickstart shows the pipeline of a new project as it is', async () => {
  const [, shown] = /```ts\n([^]*?)```/.exec(await read('docs/quickstart.md')) ?? [];
  const template = await read('packages/create-leat/template/src/pipeline.ts');
  expect(shown).toBe(template.replace('{{name}}', 'my-pipeline'));
});

describe('the tree in ARCHITECTURE.md', () => {
  test('has every folder with sources, each with its line', async () => {
    const { folders, bare } = treeOf(await read('ARCHITECTURE.md'));
    expect(bare).toEqual([]);
    const sources = (await filesBelow('packages')).filter((file) =>
      /^packages\/[^/]+\/src\//.test(file),
    );
    const wanted = new Set(sources.map((file) => `${dirname(file)}/`));
    const named = folders.filter((folder) => /^packages\/[^/]+\/src\//.test(folder));
    expect(named.toSorted()).toEqual([...wanted].toSorted());
  });

  test('names nothing that is not there', async () => {
    const { files, folders } = treeOf(await read('ARCHITECTURE.md'));
    const absent = [...files, ...folders].filter((each) => !existsSync(join(ROOT, each)));
    expect(absent).toEqual([]);
  });
});

/**
 * Reads the trees in the section of that name: a folder ends with a slash, what is in it is indented by
 * two further spaces, and two spaces or more part a name from what is said of it.
 */
function treeOf(page: string): {
  readonly files: string[];
  readonly folders: string[];
  readonly bare: string[];
} {
  const section = page.slice(page.indexOf('\n## The tree'));
  const files: string[] = [];
  const all: string[] = [];
  const bare: string[] = [];
  for (const [, block = ''] of section.matchAll(/```text\n([^]*?)```/g)) {
    const folders: string[] = [];
    for (const line of block.split('\n').filter((each) => each !== '')) {
      const [, indent = '', name = '', meaning] =
        /^((?: {2})*)(\S+)(?: {2,}(.+))?$/.exec(line) ?? [];
      folders.length = indent.length / 2;
      const path = `${folders.join('')}${name}`;
      if (name.endsWith('/')) {
        folders.push(name);
        all.push(path);
      } else files.push(path);
      // A folder that only holds folders needs no line of its own.
      const isSource = path.includes('/src/') || !name.endsWith('/');
      if (name === '' || (meaning === undefined && isSource)) bare.push(line);
    }
  }
  return { files, folders: all, bare };
}

describe('links', async () => {
  const pages = await pagesOf();

  test.each(pages)('of %s lead somewhere', async (page) => {
    const broken: string[] = [];
    for (const [, link = ''] of (await read(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [path = '', heading] = link.split('#');
      const target = path === '' ? page : join(dirname(page), path);
      if (!existsSync(join(ROOT, target))) broken.push(link);
      else if (heading !== undefined && !headingsOf(await read(target)).includes(heading)) {
        broken.push(link);
      }
    }
    expect(broken).toEqual([]);
  });
});

/** The headings of a page, as links name them. */
function headingsOf(page: string): string[] {
  return [...page.matchAll(/^#+ (.+)$/gm)].map(([, text = '']) =>
    text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
