import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { pagesOf, ROOT } from '../support/pages.ts';

const MAX_LINE = 120;
const MAX_WORDS_IN_SENTENCE = 25;
const MAX_WORDS_IN_CELL = 12;

/** Words that slow a reader down: in CONTRIBUTING.md, what stands in quotes under "not this". */
const AVOIDED = await avoidedWords();

/** Notes of measurements and calculations: their tables are arguments. */
const NOTES: ReadonlySet<string> = new Set(['bench/RESULTS.md', 'docs/scale.md']);

/** Beyond this nobody finds the end of a row, also of a table that is generated. */
const MAX_ROW = 200;

const inDocs = (await pagesOf()).filter((page) => page.startsWith('docs/'));
test.each(inDocs)('%s has no row that is too wide', async (page) => {
  const rows = (await readFile(`${ROOT}/${page}`, 'utf8')).split('\n');
  const wide = rows.flatMap((row, at) => {
    const { length } = row.replaceAll(/\]\([^)]*\)/g, '');
    return length > MAX_ROW ? [`line ${at + 1}: ${length}`] : [];
  });
  expect(wide).toEqual([]);
});

const pages = (await pagesOf()).filter((page) => !NOTES.has(page));

test.each(pages)('%s is short enough to be read', async (page) => {
  expect(faultsOf(await readFile(`${ROOT}/${page}`, 'utf8')).join('\n')).toBe('');
});

/** A pattern that finds any of the words that CONTRIBUTING.md refuses. */
async function avoidedWords(): Promise<RegExp> {
  const page = await readFile(`${ROOT}/CONTRIBUTING.md`, 'utf8');
  const [, table = ''] = /^\| write this \| not this \|\n([^]*?)\n\n/m.exec(page) ?? [];
  const words = Array.from(table.matchAll(/"([a-z -]+)"/g), ([, word = '']) => word);
  expect(words).toContain('whoever');
  return new RegExp(`\\b(${words.join('|')})\\b`, 'i');
}

/** What is too long on a page, or said in words that it should not use, each with its line. */
function faultsOf(page: string): string[] {
  const faults: string[] = [];
  for (const { at, text, isTable } of blocksOf(page)) {
    const fault = (what: string): void => void faults.push(`line ${at}: ${what}`);
    const prose = plain(text);
    const avoided = AVOIDED.exec(prose)?.[0];
    if (avoided !== undefined) fault(`the words "${avoided}"`);
    if (isTable) {
      for (const cell of prose.split('|')) {
        if (wordsIn(cell) > MAX_WORDS_IN_CELL) fault(`a cell of ${wordsIn(cell)} words: ${cell}`);
      }
      continue;
    }
    for (const line of text.split('\n')) {
      // A link cannot be broken.
      if (line.replaceAll(/\]\([^)]*\)/g, '').length > MAX_LINE) fault(`a line of ${line.length}`);
    }
    for (const sentence of prose.split(/(?<=[.:;!?])\s+/)) {
      const words = wordsIn(sentence);
      if (words > MAX_WORDS_IN_SENTENCE) fault(`a sentence of ${words} words: ${sentence}`);
    }
  }
  return faults;
}

interface Block {
  readonly at: number;
  readonly text: string;
  readonly isTable: boolean;
}

/** Paragraphs, items of lists and rows of tables; what stands in fences, and what is generated, is left out. */
function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  let open: { at: number; lines: string[] } | undefined;
  let isInFence = false;
  let isGenerated = false;
  const close = (): void => {
    if (open !== undefined)
      blocks.push({ at: open.at, text: open.lines.join('\n'), isTable: false });
    open = undefined;
  };
  for (const [index, line] of page.split('\n').entries()) {
    if (line.startsWith('<!-- ')) {
      close();
      isGenerated = !isGenerated;
    } else if (/^\s*```/.test(line)) {
      close();
      isInFence = !isInFence;
    } else if (isInFence || isGenerated) continue;
    else if (line.startsWith('|')) {
      close();
      blocks.push({ at: index + 1, text: line, isTable: true });
    } else if (line.trim() === '') close();
    else {
      if (/^\s*([*-]|\d+\.|#+) /.test(line)) close();
      open ??= { at: index + 1, lines: [] };
      open.lines.push(line);
      if (line.startsWith('#')) close();
    }
  }
  close();
  return blocks;
}

/** The text that is read: of a link its words, and code as one word. */
function plain(text: string): string {
  return text
    .replaceAll(/"[^"]*"/g, 'quoted')
    .replaceAll(/`[^`]*`/g, 'code')
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1');
}

function wordsIn(text: string): number {
  return text.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length;
}
