import { compareChunkIds, parseChunkId, parseSinkClaim, type Receipt } from '@leat/core';
import type { Committed, SinkChunk, SinkContext } from '@leat/sdk';

/** How a table can be wrong; for planted bugs. */
export interface TableFlaws {
  /** Forgets what it has committed, and so commits it again. */
  readonly hasNoKeys?: boolean;
  /** Leaves out the last record of a chunk that has several, and says nothing of it. */
  readonly leavesOutRecords?: boolean;
}

interface SavedChunk {
  readonly receipt: Receipt;
  readonly lines: readonly string[];
  /** Whose they are really, whatever the sink takes them for. */
  readonly pipeline: string;
  readonly born: string;
}

/** What a sink keeps in one place of one run id and saver: which run that is, its fence, its chunks. */
export class ModelTable {
  readonly saver: string;
  /** What is kept of the run, see `admitToSink`; `undefined` before its first writer. */
  claim: string | undefined;
  /** The highest fence under which it was opened. */
  fence = 0;
  /** By chunk id; one entry for each commit. */
  readonly #saved = new Map<string, SavedChunk[]>();

  constructor(saver: string) {
    this.saver = saver;
  }

  /** What tells it from others that savers call by its name. */
  get mark(): string | undefined {
    return parseSinkClaim(this.claim ?? '')?.sink;
  }

  /** Whether it is kept for a run. */
  isOf(pipeline: string, born: string): boolean {
    const claim = parseSinkClaim(this.claim ?? '');
    return claim?.pipeline === pipeline && claim.born === born;
  }

  /** Every line that a pipeline has saved of a chunk of the dataset, or of all. */
  lines(pipeline: string, { seq, born }: { seq?: number; born?: string } = {}): string[] {
    const found: string[] = [];
    for (const [chunk, commits] of this.#saved) {
      if (seq !== undefined && Number.parseInt(chunk, 10) !== seq) continue;
      for (const saved of commits) {
        const isIts = saved.pipeline === pipeline && (born ?? saved.born) === saved.born;
        if (isIts) found.push(...saved.lines);
      }
    }
    return found;
  }

  /** In dataset order. */
  receipts(): Receipt[] {
    const first = { seq: 0, path: '' };
    return [...this.#saved.values()]
      .flat()
      .map(({ receipt }) => ({ receipt, id: parseChunkId(receipt.chunk) ?? first }))
      .toSorted((a, b) => compareChunkIds(a.id, b.id))
      .map(({ receipt }) => receipt);
  }

  commit(
    { receipt, body }: SinkChunk,
    { identity: { pipeline, born } }: SinkContext,
    flaws: TableFlaws,
  ): Committed {
    const commits = this.#saved.get(receipt.chunk) ?? [];
    const [first] = commits;
    if (first !== undefined && flaws.hasNoKeys !== true) {
      return { receipt: first.receipt, isDuplicate: true };
    }
    const all = Buffer.from(body).toString().split('\n').slice(0, -1);
    const lines = flaws.leavesOutRecords && all.length > 1 ? all.slice(0, -1) : all;
    this.#saved.set(receipt.chunk, [...commits, { receipt, lines, pipeline, born }]);
    return { receipt, isDuplicate: false };
  }
}
