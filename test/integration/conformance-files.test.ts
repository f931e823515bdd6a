import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { csv, jsonArray, ndjsonSource } from '@leat/connectors/files';
import { linesOf, type Outcome, readAll, request } from '@leat/testing/contracts';
import type { Source } from '@leat/sdk';
import { afterAll, expect, test } from 'vitest';
import { exactJson } from '../support/exact-json.ts';
import { byteCases, csvCases, jsonCases, naughtyStrings } from '../support/public-suites.ts';

const dir = mkdtempSync(join(tmpdir(), 'leat-conformance-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Reads a file that has this content. */
function read(content: string | Uint8Array, source: (path: string) => Source): Promise<Outcome> {
  const path = join(dir, 'file');
  writeFileSync(path, content);
  return readAll(source(path), { chunkSize: 7 });
}

/** Whether something of a file was refused: the file as it goes on, a record, or a line that nobody can parse. */
function isRefused(outcome: Outcome): boolean {
  return (
    outcome.error !== undefined ||
    outcome.chunks.some(({ rejected = [] }) => rejected.length > 0) ||
    linesOf(outcome).some((line) => exactJson(line) === undefined)
  );
}

test('every case of JSONTestSuite is an array with the same elements, or refused', async () => {
  expect(jsonCases.length).toBeGreaterThan(330);
  let arrays = 0;
  for (const { name, text } of jsonCases) {
    const expected = exactJson(text);
    const outcome = await read(text, jsonArray);
    if (Array.isArray(expected) && outcome.error === undefined) {
      expect({ name, found: linesOf(outcome).map(exactJson) }).toEqual({ name, found: expected });
      arrays++;
    } else if (text.trim() !== '') {
      expect({ name, isRefused: isRefused(outcome) }).toEqual({ name, isRefused: true });
    }
  }
  expect(arrays).toBeGreaterThan(100);
});

test('every case of JSONTestSuite is an element with the same value, or refused', async () => {
  for (const { name, text } of jsonCases) {
    const content = `[{"a":${text}\n}, 1]`;
    const expected = exactJson(content);
    const outcome = await read(content, jsonArray);
    if (expected === undefined)
      expect({ name, isRefused: isRefused(outcome) }).toEqual({ name, isRefused: true });
    else
      expect({ name, found: linesOf(outcome).map(exactJson) }).toEqual({ name, found: expected });
  }
});

test('every case of JSONTestSuite without a line feed is a line with the same value, or one that is not JSON', async () => {
  const lines = jsonCases.map(({ text }) => text).filter((text) => !/^\s*$|\n./.test(text));
  const outcome = await read(
    lines.map((line) => `${line.replace(/\n$/, '')}\n`).join(''),
    ndjsonSource,
  );
  expect(outcome.error).toBeUndefined();
  expect(linesOf(outcome).map(exactJson)).toEqual(lines.map(exactJson));
  for (const { name, text } of jsonCases) {
    const [, ...more] = text.trim().split('\n');
    const alone = await read(text, ndjsonSource);
    if (more.length === 0 && exactJson(text) !== undefined) {
      expect({ name, found: linesOf(alone).map(exactJson) }).toEqual({
        name,
        found: [exactJson(text)],
      });
    }
  }
});

/** Its only row is in Latin-1, with quotes in the middle of fields. */
const REFUSED: ReadonlySet<string> = new Set(['location_coordinates']);

test('every file of csv-spectrum has the records that the suite says, or a row that is refused', async () => {
  expect(csvCases.length).toBe(12);
  for (const { name, file, records } of csvCases) {
    const outcome = await readAll(csv(file));
    expect({ name, error: outcome.error }).toEqual({ name, error: undefined });
    const found = linesOf(outcome).map((line) => JSON.parse(line) as unknown);
    expect({ name, found }).toEqual({ name, found: REFUSED.has(name) ? [] : records });
    expect({ name, isRefused: isRefused(outcome) }).toEqual({ name, isRefused: REFUSED.has(name) });
  }
});

test('every naughty string is a cell with the same text', async () => {
  expect(naughtyStrings.length).toBe(485);
  for (const lineEnd of ['\n', '\r\n', '\r']) {
    const quoted = naughtyStrings.map((text, n) => `${n},"${text.replaceAll('"', '""')}"`);
    const outcome = await read(['n,text', ...quoted, ''].join(lineEnd), csv);
    expect(outcome.error).toBeUndefined();
    expect(linesOf(outcome).map((line) => JSON.parse(line) as unknown)).toEqual(
      naughtyStrings.map((text, n) => ({ n: String(n), text })),
    );
  }
});

test('every naughty string without quotes is a cell with the same text, or a row that is refused', async () => {
  const rows = naughtyStrings.map((text, n) => `${n},${text}`);
  const outcome = await read(['n,text', ...rows, ''].join('\n'), csv);
  expect(outcome.error).toBeUndefined();
  const found = linesOf(outcome).map((line) => JSON.parse(line) as { n: string; text: string });
  for (const { n, text } of found)
    expect(`${n},${text}`.replaceAll('"', '')).toBe(rows[Number(n)]?.replaceAll('"', ''));
  expect(found.length).toBeGreaterThan(200);
});

test('every naughty string is an element and a line with the same text', async () => {
  const texts = naughtyStrings.map((text) => JSON.stringify(text));
  expect(linesOf(await read(`[${texts.join()}]`, jsonArray))).toEqual(texts);
  expect(linesOf(await read(`${texts.join('\n')}\n`, ndjsonSource))).toEqual(texts);
});

/** The bytes of all lines that a reader makes of a file before it refuses more. */
async function bytesOf(
  content: Uint8Array,
  source: (path: string) => Source,
): Promise<{ readonly lines: Buffer; readonly isRefused: boolean }> {
  const bodies: Uint8Array[] = [];
  const refused = isRefused(await read(content, source));
  try {
    for await (const { body } of source(join(dir, 'file')).chunks(request({}))) bodies.push(body);
  } catch {
    // It is refused.
  }
  return { lines: Buffer.concat(bodies), isRefused: refused };
}

test.each(byteCases)('what is not UTF-8 stays what it is, or is refused: $name', async (each) => {
  const [bytes, lineFeed] = [Buffer.from(each.bytes), Buffer.from('\n')];
  const line = Buffer.concat([bytes, lineFeed]);
  const alone = await bytesOf(line, ndjsonSource);
  // A file of another encoding is refused as a whole.
  if (!alone.isRefused || alone.lines.length > 0) expect(alone.lines).toEqual(line);
  const cell = await bytesOf(Buffer.concat([Buffer.from('a\n'), line]), csv);
  expect(cell).toEqual({ lines: Buffer.alloc(0), isRefused: true });
  for (const [before, after] of [
    ['', ''],
    ['[', ']'],
  ] as const) {
    const content = Buffer.concat([Buffer.from(before), bytes, Buffer.from(after)]);
    const element = await bytesOf(content, jsonArray);
    if (!element.isRefused) expect(element.lines).toEqual(line);
  }
});
