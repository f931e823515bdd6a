import { FIRST_CHECKPOINT, Ledger, NO_COUNTS, type Receipt } from '@leat/core';
import { figure } from '../measure/table.ts';
import type { Scenario } from '../scenario.ts';

/** Chunks in flight: the fetcher's `window`, by default. */
const WINDOW = 1_000;
const SIZES = [1e3, 1e4, 1e5, 1e6, 1e7];
/** Windows for very many replicas, see `docs/scale.md`. */
const WIDE = [1e4, 1e5];
const WIDE_CHUNKS = 1e6;

interface Measured {
  readonly chunks: number;
  readonly window: number;
  readonly microsPerChunk: number;
  readonly largestBytes: number;
  readonly checkpointMicros: number;
  readonly restoreMicros: number;
}

/** The ledger by itself, with chunks settled in any order within the window. */
export const ledger: Scenario = {
  name: 'ledger',
  about: 'What does the ledger cost, and how large is its checkpoint?',
  isQuick: true,
  run: (bench) => {
    const sizes = bench.isQuick ? SIZES.slice(0, 4) : SIZES;
    const wide = bench.isQuick ? [] : WIDE;
    const found = [
      ...sizes.map((chunks) => measureLedger(chunks, WINDOW)),
      ...wide.map((window) => measureLedger(WIDE_CHUNKS, window)),
    ];
    const table = {
      title: 'The ledger, settled in random order',
      head: [
        'chunks',
        'in flight',
        'CPU µs/chunk',
        'largest checkpoint, bytes',
        'written in CPU µs',
        'read in CPU µs',
      ],
      rows: found.map((each) => Object.values(each).map((value: number) => figure(value))),
    };
    return Promise.resolve({ tables: [table], data: found });
  },
};

function measureLedger(chunks: number, window: number): Measured {
  const random = randomFrom(chunks);
  const subject = new Ledger(FIRST_CHECKPOINT);
  const inFlight: number[] = [];
  const every = Math.max(1, Math.floor(chunks / 100));
  const texts: string[] = [];
  let checkpointMs = 0;
  let largestBytes = 0;
  const start = cpuMs();
  for (let seq = 0; seq < chunks || inFlight.length > 0;) {
    if (seq < chunks && inFlight.length < window) {
      const read = { records: 100, nextCursor: seq + 1, fraction: seq / chunks };
      subject.send(seq, { ...read, checksum: '00000000' }, seq);
      inFlight.push(seq++);
      continue;
    }
    const at = Math.floor(random() * inFlight.length);
    const settled = inFlight[at] as number;
    inFlight[at] = inFlight.at(-1) as number;
    inFlight.pop();
    subject.settle(receiptOf(settled));
    if (settled % every !== 0) continue;
    const before = cpuMs();
    const text = JSON.stringify(subject.checkpoint());
    checkpointMs += cpuMs() - before;
    largestBytes = Math.max(largestBytes, text.length);
    texts.push(text);
  }
  const totalMs = cpuMs() - start - checkpointMs;
  if (!subject.isSettled(chunks - 1)) throw new Error('the ledger is not complete');
  const beforeReading = cpuMs();
  for (const text of texts) void new Ledger(JSON.parse(text) as typeof FIRST_CHECKPOINT).next;
  const restoreMs = cpuMs() - beforeReading;
  return {
    chunks,
    window,
    microsPerChunk: (totalMs * 1_000) / chunks,
    largestBytes,
    checkpointMicros: (checkpointMs * 1_000) / texts.length,
    restoreMicros: (restoreMs * 1_000) / texts.length,
  };
}

/** CPU time of this process: all that is measured here computes, and the machine may be busy. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

const COUNTS = { ...NO_COUNTS, in: 100 };

function receiptOf(seq: number): Receipt {
  const digest = (seq * 2_654_435_761).toString(16).padStart(32, '0');
  return { chunk: `${seq}`, counts: COUNTS, digest, fence: 1, buried: [] };
}

/** The same numbers in each run: mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
