import { expect, test } from 'vitest';
import type { Site } from '../site.ts';
import { DeadLetters } from './dead-letters.ts';

test.each(['', 'Squares', 'a.b', '*', '>', 'receipts'])(
  'a stage cannot be called %j, and so none of its letters are asked for',
  async (stage) => {
    const letters = new DeadLetters({} as Site);
    const refusal = { code: 'invalid-name' };
    await expect(letters.list('r', { stage }).next()).rejects.toMatchObject(refusal);
    await expect(letters.groups('r', { stage })).rejects.toMatchObject(refusal);
    await expect(letters.show('r', { chunk: '0', index: 0 }, { stage })).rejects.toMatchObject(
      refusal,
    );
    await expect(letters.redrive('r', { stage })).rejects.toMatchObject(refusal);
    await expect(letters.drop('r', { stage })).rejects.toMatchObject(refusal);
    await expect(letters.export('r', '0', { stage })).rejects.toMatchObject(refusal);
  },
);
