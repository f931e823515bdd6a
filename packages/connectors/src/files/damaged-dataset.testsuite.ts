import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { mutate, mutations } from './mutation.testsuite.ts';
import { simpleGunzip } from './simple-readers.testsuite.ts';
import type { TemporaryFiles } from './temporary-files.testsuite.ts';

const rows = fc.array(
  fc.record({
    n: fc.integer(),
    s: fc.string({
      unit: fc.constantFrom('a', 'é', '"', '\\', ',', '\n', ' ', '[', '}'),
      maxLength: 8,
    }),
    x: fc.constantFrom(null, 0.5, [], {}, [1, { y: 'z' }]),
  }),
  { maxLength: 12 },
);

type Rows = typeof rows extends fc.Arbitrary<infer T> ? T : never;

export const asNdjson = (all: Rows): string =>
  all.map((row) => `${JSON.stringify(row)}\n`).join('');
export const asJsonArray = (all: Rows): string =>
  `[${all.map((row) => JSON.stringify(row)).join(',\n')}]`;
export const asCsv = (all: Rows): string =>
  ['n,"s"', ...all.map(({ n, s }) => `${n},"${s.replaceAll('"', '""')}"`)].join('\r\n');

/** How a dataset lies on the disk, and what happened to it: each file is mutated, if it is compressed also before. */
export const layouts = fc.record({
  files: fc.array(
    fc.record({
      rows,
      inner: mutations,
      outer: mutations,
      /** Where members of gzip end, in thousandths; not compressed at all if there are none. */
      members: fc.array(fc.integer({ min: 0, max: 1_000 }), { maxLength: 3 }),
      isGzip: fc.boolean(),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  limits: fc.record({
    chunkSize: fc.integer({ min: 1, max: 8 }),
    maxBytes: fc.integer({ min: 1, max: 200 }),
  }),
  options: fc.record({
    readBytes: fc.constantFrom(1, 2, 7, 64, 4_096),
    maxRecordBytes: fc.constantFrom(30, 1_000, 67_108_864),
  }),
});

export type Layout = typeof layouts extends fc.Arbitrary<infer T> ? T : never;

export interface DamagedFile {
  readonly path: string;
  /** What it holds once decompressed; `undefined` if it cannot be. */
  readonly content: Buffer | undefined;
}

/** Writes the files of a dataset, over those of the last one with this name. */
export function writeAll(
  files: TemporaryFiles,
  { files: all }: Layout,
  format: (all: Rows) => string,
  name = 'damaged',
): DamagedFile[] {
  return all.map(({ rows: good, inner, outer, members, isGzip }, index) => {
    const text = mutate(Buffer.from(format(good)), inner);
    if (!isGzip) {
      const looksLikeGzip = text.toString('latin1', 0, 2) === '\x1f\x8b';
      const content = looksLikeGzip ? simpleGunzip(text) : text;
      return { path: files.write(text, `${name}-${index}`), content };
    }
    const ends = [...members, 1_000].toSorted((a, b) => a - b);
    const cuts = ends.map((end) => Math.floor((text.length * end) / 1_000));
    const zipped = cuts.map((end, i) => gzipSync(text.subarray(cuts[i - 1] ?? 0, end)));
    const bytes = mutate(Buffer.concat(zipped), outer);
    const path = files.write(bytes, `${name}-${index}.gz`);
    return { path, content: simpleGunzip(bytes) };
  });
}
