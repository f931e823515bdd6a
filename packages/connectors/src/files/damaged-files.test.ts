import { expectResumable, expectSound, readAll, request } from '@leat/testing/contracts';
import { LeatError } from '@leat/core';
import type { Source } from '@leat/sdk';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { csv } from './csv.ts';
import {
  asCsv,
  asJsonArray,
  asNdjson,
  type DamagedFile,
  type Layout,
  layouts,
  writeAll,
} from './damaged-dataset.testsuite.ts';
import type { FileOptions } from './file-source.ts';
import { jsonArray } from './json-array.ts';
import { ndjsonSource } from './ndjson-source.ts';
import {
  type Expected,
  simpleCsv,
  simpleNdjson,
  type SimpleReader,
  withoutMark,
} from './simple-readers.testsuite.ts';
import { TemporaryFiles } from './temporary-files.testsuite.ts';

const { LEAT_FUZZ_CASES, LEAT_FUZZ_SEED } = process.env;
/** How many cases there are; a failure prints its seed, and that replays it. */
const CASES = {
  numRuns: Number(LEAT_FUZZ_CASES ?? 200),
  ...(LEAT_FUZZ_SEED === undefined ? {} : { seed: Number(LEAT_FUZZ_SEED) }),
};
const TIMEOUT_MS = 20_000 + CASES.numRuns * 100;

const files = new TemporaryFiles();

/** Everything that a source gives: the lines as bytes, and whether it ends with an error. */
interface Everything {
  readonly records: readonly Expected[];
  readonly error: unknown;
}

/** Reads it all, and checks what must hold for any file: no chunk is amiss, and any error is clear. */
async function readSoundly(source: Source<unknown>, { limits }: Layout): Promise<Everything> {
  const records: Expected[] = [];
  for await (const { number, line } of recordsOf(source, limits)) {
    records.push(line === undefined ? { number } : { number, line });
  }
  const whole = await readAll(source, limits);
  expectSound(whole, limits.chunkSize, limits.maxBytes);
  if (whole.error !== undefined) {
    expect(whole.error).toBeInstanceOf(LeatError);
    expect(whole.error).toMatchObject({
      code: 'source-damaged',
      message: expect.stringMatching(
        /damaged-\d.*(?:line|byte|element|gzip|UTF-16|column|header)/s,
      ),
    });
  }
  await expectResumable(source, whole, limits);
  return { records, error: whole.error };
}

async function* recordsOf(
  source: Source<unknown>,
  limits: Layout['limits'],
): AsyncGenerator<Expected> {
  const chunks = source.chunks(request(limits));
  const iterator = chunks[Symbol.asyncIterator]();
  for (;;) {
    const step = await iterator.next().catch(() => undefined);
    if (step === undefined || step.done === true) return;
    const { body, position, origins, rejected = [] } = step.value;
    const lines = Buffer.from(body).toString('latin1').split('\n').slice(0, -1);
    const good = lines.map((line, i) => ({
      number: position.first + (origins?.[i] ?? i),
      line: Buffer.from(line, 'latin1'),
    }));
    const bad = rejected.map(({ offset }) => ({ number: position.first + offset }));
    yield* [...good, ...bad].toSorted((a, b) => a.number - b.number);
  }
}

/** What must come of all files, one after the other until one is damaged. */
function expectedOf(
  all: readonly DamagedFile[],
  read: SimpleReader,
  { options }: Layout,
): { readonly records: readonly Expected[]; readonly fault: 'none' | 'file' | 'gzip' } {
  const records: Expected[] = [];
  for (const { content } of all) {
    if (content === undefined) return { records, fault: 'gzip' };
    const reading = read(content, options.maxRecordBytes);
    records.push(...reading.records);
    if (reading.isDamaged) return { records, fault: 'file' };
  }
  return { records, fault: 'none' };
}

describe.each([
  { format: ndjsonSource, write: asNdjson, simple: simpleNdjson },
  { format: csv, write: asCsv, simple: simpleCsv },
])('$format.name', ({ format, write, simple }) => {
  test(
    'gives every record of a damaged file, rejects it, or says where the damage is',
    async () => {
      await fc.assert(
        fc.asyncProperty(layouts, async (set) => {
          const all = writeAll(files, set, write);
          const expected = expectedOf(all, simple, set);
          const source = format(
            all.map(({ path }) => path),
            set.options,
          );
          const { records, error } = await readSoundly(source, set);
          expect(error === undefined).toBe(expected.fault === 'none');
          // A fault of gzip is noticed at the end of what it spoils, so that something may precede it.
          if (expected.fault === 'gzip') {
            expect(records.slice(0, expected.records.length)).toEqual(expected.records);
          } else {
            expect(records).toEqual(expected.records);
          }
        }),
        CASES,
      );
    },
    TIMEOUT_MS,
  );
});

test(
  'jsonArray gives every byte of a damaged file, or says where the damage is',
  async () => {
    await fc.assert(
      fc.asyncProperty(layouts, async (set) => {
        const [first] = writeAll(files, { ...set, files: set.files.slice(0, 1) }, asJsonArray);
        const { path, content } = first as DamagedFile;
        const options: FileOptions = set.options;
        const { records, error } = await readSoundly(jsonArray(path, options), set);
        if (content === undefined) {
          expect(error).toBeDefined();
          return;
        }
        expect(records.map(({ number }) => number)).toEqual(records.map((_, i) => i));
        const text = withoutMark(content)?.toString() ?? '';
        expectConserved(text, records, error);
      }),
      CASES,
    );
  },
  TIMEOUT_MS,
);

/** Nothing but whitespace may be missing, and only behind the damage. */
function expectConserved(text: string, records: readonly Expected[], error: unknown): void {
  const bare = (some: string): string => some.replaceAll(/[ \t\r\n]/g, '');
  const lines = records.map(({ line }) => line?.toString());
  let rest = bare(text);
  for (const [index, line] of lines.entries()) {
    const comma = index === 0 ? '[' : ',';
    expect(rest.slice(0, 1)).toBe(comma);
    rest = rest.slice(1);
    // A rejected element has no line; it is a string or holds one with a line break in it.
    if (line === undefined) return;
    expect(rest.slice(0, bare(line).length)).toBe(bare(line));
    rest = rest.slice(bare(line).length);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {}
  if (error === undefined) expect(['', '[]', ']']).toContain(rest);
  if (Array.isArray(parsed) && error === undefined) {
    expect(lines.map((line) => JSON.parse(line ?? '') as unknown)).toEqual(parsed);
  }
  if (!Array.isArray(parsed) && error === undefined && text.trim() !== '') {
    expect(lines.every((line) => line !== undefined && isJson(line))).toBe(false);
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
