import type { JsonValue } from '@leat/core';
import type { Source, SourceChunk, SourceRequest } from '@leat/sdk';
import { describe, expect, test } from 'vitest';

/** A request with defaults that suit tests. */
export function request(options: Partial<SourceRequest> = {}): SourceRequest {
  return {
    run: { id: 'run', pipeline: 'test', params: {} },
    chunkSize: 100,
    maxBytes: 1_000_000,
    cursor: null,
    signal: new AbortController().signal,
    ...options,
  };
}

/** A chunk in a form that compares well, after the journey that a cursor makes through a checkpoint. */
interface PlainChunk extends Omit<SourceChunk, 'body' | 'fraction'> {
  readonly body: string;
  /** The length of the body; one that is not UTF-8 looks longer as text. */
  readonly bytes: number;
}

function plain(chunk: SourceChunk): PlainChunk {
  const nextCursor: JsonValue = JSON.parse(JSON.stringify(chunk.nextCursor));
  const { length: bytes } = chunk.body;
  const copy = { ...chunk, body: Buffer.from(chunk.body).toString(), bytes, nextCursor };
  delete copy.fraction;
  return copy;
}

/** What a source yields, and what it throws in the end. */
export interface Outcome {
  readonly chunks: readonly PlainChunk[];
  readonly error: unknown;
}

export async function readAll(
  source: Source<unknown>,
  options: Partial<SourceRequest> = {},
): Promise<Outcome> {
  const chunks: PlainChunk[] = [];
  try {
    for await (const chunk of source.chunks(request(options))) chunks.push(plain(chunk));
  } catch (error) {
    return { chunks, error };
  }
  return { chunks, error: undefined };
}

/** The lines of all chunks. */
export function linesOf({ chunks }: Outcome): readonly string[] {
  return chunks.flatMap(({ body }) => body.split('\n').slice(0, -1));
}

/** For each record its number, as a person would look it up; rejected ones with a minus. */
export function numbersOf({ chunks }: Outcome): readonly number[] {
  return chunks.flatMap(({ position, records, origins, rejected = [] }) => [
    ...Array.from({ length: records }, (_, i) => position.first + (origins?.[i] ?? i)),
    ...rejected.map(({ offset }) => -(position.first + offset)),
  ]);
}

/** Checks what the contract says of every chunk on its own. */
export function expectSound({ chunks }: Outcome, chunkSize: number, maxBytes: number): void {
  for (const { body, bytes, records, origins = [], rejected = [], position } of chunks) {
    const lines = body.split('\n');
    expect(lines.pop()).toBe('');
    expect(lines).toHaveLength(records);
    expect(lines.filter((line) => /^[ \t\r]*$/.test(line))).toEqual([]);
    expect(records + rejected.length).toBeGreaterThan(0);
    expect(records + rejected.length).toBeLessThanOrEqual(chunkSize);
    expect(records <= 1 || bytes <= maxBytes).toBe(true);
    // Origins are there when they are needed, and begin where the chunk does.
    expect([0, records]).toContain(origins.length);
    expect(origins.length > 0 && origins.every((offset, i) => offset === i)).toBe(false);
    const offsets = [...origins, ...rejected.map(({ offset }) => offset)];
    if (origins.length === 0 && records > 0) offsets.push(0);
    expect(Math.min(...offsets)).toBe(0);
    expect(position.first).toBeGreaterThanOrEqual(position.unit === 'line' ? 1 : 0);
  }
}

/** Checks that every cursor leads to the very chunks, and the very error, that followed it. */
export async function expectResumable(
  source: Source<unknown>,
  whole: Outcome,
  options: Partial<SourceRequest>,
): Promise<void> {
  for (const [i, { nextCursor }] of whole.chunks.entries()) {
    const rest = await readAll(source, { ...options, cursor: nextCursor });
    expect(rest).toEqual({ chunks: whole.chunks.slice(i + 1), error: whole.error });
  }
}

const sorted = (numbers: readonly number[]): readonly number[] => numbers.toSorted((a, b) => a - b);

/** What the contract is checked on. */
export interface ContractSubject {
  /** A source of at least 20 records that lie in more than one chunk of 3. */
  readonly make: () => Source<unknown> | Promise<Source<unknown>>;
  /** How many descriptors of the dataset's files are open. */
  readonly openFiles?: () => number;
}

/** What every source must do. */
export function sourceContract(name: string, { make, openFiles }: ContractSubject): void {
  describe(`${name} keeps the contract of a source`, () => {
    test('reads the same twice', async () => {
      const source = await make();
      const first = await readAll(source, { chunkSize: 3 });
      expect(first.error).toBeUndefined();
      expect(first.chunks.length).toBeGreaterThan(5);
      expectSound(first, 3, 1_000_000);
      expect(await readAll(source, { chunkSize: 3 })).toEqual(first);
      expect(await readAll(await make(), { chunkSize: 3 })).toEqual(first);
    });

    test.each([
      { chunkSize: 1, maxBytes: 1_000_000 },
      { chunkSize: 3, maxBytes: 1_000_000 },
      { chunkSize: 7, maxBytes: 64 },
      { chunkSize: 100, maxBytes: 1 },
    ])(
      'goes on from every cursor with chunks of $chunkSize and $maxBytes bytes',
      async (limits) => {
        const source = await make();
        const whole = await readAll(source, limits);
        expect(whole.error).toBeUndefined();
        expectSound(whole, limits.chunkSize, limits.maxBytes);
        await expectResumable(source, whole, limits);
      },
    );

    test('ships the same records whatever the size of the chunks', async () => {
      const source = await make();
      const large = await readAll(source);
      const small = await readAll(source, { chunkSize: 2, maxBytes: 50 });
      expect(linesOf(small)).toEqual(linesOf(large));
      expect(sorted(numbersOf(small))).toEqual(sorted(numbersOf(large)));
    });

    test('has a small cursor that survives JSON', async () => {
      for await (const { nextCursor } of (await make()).chunks(request({ chunkSize: 3 }))) {
        expect(JSON.stringify(nextCursor).length).toBeLessThan(400);
        expect(JSON.parse(JSON.stringify(nextCursor))).toEqual(nextCursor);
      }
    });

    test('tells a share that grows from 0 to 1, if any', async () => {
      let last = 0;
      for await (const { fraction = last } of (await make()).chunks(request({ chunkSize: 3 }))) {
        expect(fraction).toBeGreaterThanOrEqual(last);
        expect(fraction).toBeLessThanOrEqual(1);
        last = fraction;
      }
    });

    test('hands over bodies that do not change any more', async () => {
      const bodies: Uint8Array[] = [];
      const copies: string[] = [];
      for await (const { body } of (await make()).chunks(request({ chunkSize: 2 }))) {
        bodies.push(body);
        copies.push(Buffer.from(body).toString());
      }
      expect(bodies.map((body) => Buffer.from(body).toString())).toEqual(copies);
    });

    test('refuses a cursor that it did not make', async () => {
      for (const cursor of ['x', -1, 1e9, { file: 0 }, []]) {
        const { chunks, error } = await readAll(await make(), { cursor });
        expect(chunks).toEqual([]);
        expect(error).toMatchObject({ code: 'source-changed' });
      }
    });

    test('throws the reason when it is aborted before it begins', async () => {
      const signal = AbortSignal.abort(new Error('enough'));
      expect((await readAll(await make(), { signal })).error).toEqual(new Error('enough'));
    });

    test('throws the reason when it is aborted on the way, and closes everything', async () => {
      const controller = new AbortController();
      let count = 0;
      const reading = async (): Promise<void> => {
        for await (const _ of (await make()).chunks(
          request({ chunkSize: 3, signal: controller.signal }),
        )) {
          count++;
          controller.abort(new Error('enough'));
        }
      };
      await expect(reading()).rejects.toThrow('enough');
      expect(count).toBe(1);
      expect(openFiles?.() ?? 0).toBe(0);
    });

    test('closes everything when the loop is left', async () => {
      for await (const _ of (await make()).chunks(request({ chunkSize: 3 }))) break;
      expect(openFiles?.() ?? 0).toBe(0);
    });

    test('opens nothing before the first chunk is asked for', async () => {
      const signal = AbortSignal.abort();
      (await make()).chunks(request({ signal }));
      expect(openFiles?.() ?? 0).toBe(0);
    });
  });
}
