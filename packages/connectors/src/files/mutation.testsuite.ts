import * as fc from 'fast-check';

/** What does harm to one reader or another. */
const HARMFUL: readonly (string | readonly number[])[] = [
  ...'\n \r \0 " "" , \t \\ [ ] { } : \uFEFF né 1e999 - null ],[ }{ "\n"'.split(' '),
  ' ',
  '\r\n',
  '\u2028',
  '\\u0000',
  '\\ud800',
  '9'.repeat(400),
  '['.repeat(2_000),
  `"${'x'.repeat(2_000)}`,
  [0xff],
  [0xc3],
  [0xed, 0xa0, 0x80],
  [0xff, 0xfe],
  [0x1f, 0x8b, 0x08, 0x00],
  Array.from({ length: 40 }, () => 0),
];

/** One thing that happens to a file. Places are parts of its length, in thousandths. */
interface Mutation {
  readonly kind: 'flip' | 'insert' | 'overwrite' | 'delete' | 'truncate' | 'duplicate' | 'swap';
  readonly from: number;
  readonly to: number;
  readonly length: number;
  readonly bit: number;
  readonly harmful: string | readonly number[];
}

const place = fc.integer({ min: 0, max: 1_000 });

/** What happens to a file; often nothing. */
export const mutations: fc.Arbitrary<readonly Mutation[]> = fc.array(
  fc.record({
    kind: fc.constantFrom('flip', 'insert', 'overwrite', 'delete', 'truncate', 'duplicate', 'swap'),
    from: place,
    to: place,
    length: fc.integer({ min: 1, max: 20 }),
    bit: fc.integer({ min: 0, max: 7 }),
    harmful: fc.constantFrom(...HARMFUL),
  }),
  { maxLength: 4 },
);

/** The file after all of it has happened. */
export function mutate(content: Uint8Array, all: readonly Mutation[]): Buffer {
  return all.reduce<Buffer>(mutateOnce, Buffer.from(content));
}

function mutateOnce(content: Buffer, mutation: Mutation): Buffer {
  const at = (thousandths: number): number => Math.floor((content.length * thousandths) / 1_000);
  const [from, to] = [at(mutation.from), at(mutation.to)];
  const end = from + mutation.length;
  const before = content.subarray(0, from);
  const harmful = Buffer.from(mutation.harmful as string);
  switch (mutation.kind) {
    case 'flip': {
      const flipped = Buffer.from(content);
      if (from < flipped.length) flipped[from] = flipped[from]! ^ (1 << mutation.bit);
      return flipped;
    }
    case 'insert':
      return Buffer.concat([before, harmful, content.subarray(from)]);
    case 'overwrite':
      return Buffer.concat([before, harmful, content.subarray(from + harmful.length)]);
    case 'delete':
      return Buffer.concat([before, content.subarray(end)]);
    case 'truncate':
      return before;
    case 'duplicate':
      return Buffer.concat([
        content.subarray(0, to),
        content.subarray(from, end),
        content.subarray(to),
      ]);
    case 'swap': {
      const [low, high] = [Math.min(from, to), Math.max(from, to)];
      return Buffer.concat([
        content.subarray(high),
        content.subarray(low, high),
        content.subarray(0, low),
      ]);
    }
  }
}
