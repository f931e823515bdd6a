import { formatChunkId, formatReceipt, NO_COUNTS, parseChunkId, type Receipt } from '@leat/core';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { CommittedChunks } from './committed-chunks.ts';
import { chunksOf, formatGroup, formatMove, groupsIn, stretchesOf } from './group-lines.ts';

const receiptOf = (chunk: string): Receipt => ({
  chunk,
  counts: { ...NO_COUNTS, in: 2 },
  digest: '',
  fence: 1,
  buried: ['0000000a'],
  source: '00c0ffee',
});

const chunkId = fc
  .tuple(fc.nat(50), fc.constantFrom('', '', '', '.0-2', '.1-2', '.1-2~1-9', '~0-3-2'))
  .map(([seq, path]) => `${seq}${path}`);
const groups = fc.array(
  fc.record({
    segment: fc.nat(),
    chunks: fc.uniqueArray(fc.tuple(chunkId, fc.nat(1_000)), {
      selector: ([id]) => id,
      maxLength: 8,
    }),
  }),
  { maxLength: 5 },
);

test('what is written of groups is read again, however it is cut', () => {
  fc.assert(
    fc.property(groups, fc.nat(1_000), (given, cut) => {
      const texts = given.map(({ segment, chunks }, nth) => {
        const lines = chunks.map(([id, bytes]) => ({ receipt: receiptOf(id), bytes }));
        const name = `session:${nth}`;
        const group = formatGroup({ name, segment, token: '12:34' }, lines);
        return group + formatMove({ name, segment: segment + 1 });
      });
      const whole = Buffer.from(texts.join(''));
      const found = [...groupsIn(whole)];
      expect(found.map(({ name, segment, token }) => [name, segment, token])).toEqual(
        given.flatMap(({ segment }, nth) => [
          [`session:${nth}`, segment, '12:34'],
          [`session:${nth}`, segment + 1, undefined],
        ]),
      );
      for (const [nth, { chunks }] of given.entries()) {
        const group = found[2 * nth];
        if (group === undefined) throw new Error('no group');
        let offset = 0;
        expect([...chunksOf(whole, group)]).toEqual(
          chunks.map(([id, bytes], at) => {
            const isLast = at === chunks.length - 1;
            const chunk = { receipt: receiptOf(id), offset, bytes, isLast };
            offset += bytes;
            return chunk;
          }),
        );
        const committed = new CommittedChunks();
        for (const stretch of stretchesOf(whole, group)) committed.add(stretch);
        const ids = [...committed.inOrder()].flat().map((id) => formatChunkId(id));
        expect(new Set(ids)).toEqual(new Set(chunks.map(([id]) => id)));
        for (const [id] of chunks) expect(committed.has(parseChunkId(id)!)).toBe(true);
      }
      // A torn end takes nothing of what stands before it.
      const torn = whole.subarray(0, Math.min(cut, whole.length));
      const rest = [...groupsIn(torn)];
      expect(rest).toEqual(found.slice(0, rest.length));
      expect(found[rest.length]?.end ?? Number.POSITIVE_INFINITY).toBeGreaterThan(torn.length);
    }),
  );
});

test('a line that is no heading is passed over, and a chunk whose line is damaged is absent', () => {
  const good = formatGroup({ name: 'a:0', segment: 3, token: '1:2' }, [
    { receipt: receiptOf('5'), bytes: 7 },
  ]);
  const lines = Buffer.from(
    `${formatReceipt(receiptOf('1'))} 5\nsegment x a:0\n${good}segment 4 a:1 1:2 1\n6 what\n`,
  );
  const [first, second, ...others] = groupsIn(lines);
  expect(others).toEqual([]);
  expect([...chunksOf(lines, first!)]).toMatchObject([{ receipt: { chunk: '5' }, bytes: 7 }]);
  expect([...chunksOf(lines, second!)]).toEqual([]);
});

test('chunks come in dataset order, over gaps of any width', () => {
  const committed = new CommittedChunks();
  const ids = [
    '0',
    '1',
    '2.0-2',
    '2.1-2',
    '2~1-3',
    '4999',
    '5000',
    '900000000000000',
    '900000000000001',
  ];
  for (const id of ids.toReversed()) {
    const { seq, path } = parseChunkId(id)!;
    committed.add({ path, from: seq, to: seq + 1 });
  }
  const inOrder = [...committed.inOrder()].flat();
  expect(inOrder.map((id) => formatChunkId(id))).toEqual(ids);
  expect(committed.has({ seq: 3, path: '' })).toBe(false);
});
