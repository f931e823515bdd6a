import { linesOf, numbersOf, readAll, sourceContract } from '@leat/testing/contracts';
import type { Source } from '@leat/sdk';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { generate } from './generate.ts';

sourceContract('generate', { make: () => generate(30, (index) => ({ index })) });
sourceContract('generate, asynchronous', {
  make: () => generate(25, async (index) => ({ index })),
});

describe('generate', () => {
  test('knows the type of what it yields', () => {
    expectTypeOf(generate(1, (index) => ({ index }))).toEqualTypeOf<Source<{ index: number }>>();
    expectTypeOf(generate(1, async () => 'x')).toEqualTypeOf<Source<string>>();
  });

  test('computes only what comes after the cursor', async () => {
    const asked: number[] = [];
    const source = generate(1_000_000, (index) => {
      asked.push(index);
      return index;
    });
    const outcome = await readAll(source, { cursor: 999_998 });
    expect(linesOf(outcome)).toEqual(['999998', '999999']);
    expect(numbersOf(outcome)).toEqual([999_998, 999_999]);
    expect(asked).toEqual([999_998, 999_999]);
  });

  test('yields no chunk for nothing', async () => {
    expect(await readAll(generate(0, String))).toEqual({ chunks: [], error: undefined });
  });

  test.each([-1, 1.5, Number.NaN, Infinity])('refuses the count %d', (count) => {
    expect(() => generate(count, String)).toThrow(
      expect.objectContaining({ code: 'invalid-pipeline' }),
    );
  });

  test('can be aborted by a timer', async () => {
    const signal = AbortSignal.timeout(20);
    const { error } = await readAll(generate(Number.MAX_SAFE_INTEGER, String), {
      signal,
      chunkSize: 10_000,
    });
    expect(error).toMatchObject({ name: 'TimeoutError' });
  });
});
