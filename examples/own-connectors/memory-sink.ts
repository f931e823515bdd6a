import {
  admitToSink,
  compareChunkIds,
  LeatError,
  parseChunkId,
  type Sink,
  type SinkChunk,
  type SinkContext,
} from 'leat';

/** What is kept of a run and a saver. */
interface Kept {
  claim: string | undefined;
  fence: number;
  readonly chunks: Map<string, SinkChunk>;
}

/** Keeps records in the memory of this process: a sink for tests. */
export function memorySink(): Sink {
  const runs = new Map<string, Kept>();
  return {
    kind: 'memory',
    open: async (context) => {
      const key = `${context.run.id} ${context.stage}`;
      const kept = runs.get(key) ?? { claim: undefined, fence: 0, chunks: new Map() };
      // Refuses another run of the same id, before anything is changed.
      const { text, mark } = admitToSink(kept.claim, context);
      if (context.fence !== undefined) {
        kept.claim = text;
        kept.fence = Math.max(kept.fence, context.fence);
        runs.set(key, kept);
      }
      return {
        identity: { mark, place: 'memory' },
        commit: async (chunks) => commit(kept, text, context, chunks),
        receipts: async function* () {
          for (const { receipt } of inOrder(kept)) yield receipt;
        },
        read: async function* () {
          for (const { receipt, body } of inOrder(kept)) {
            const records = Buffer.from(body).toString().split('\n').length - 1;
            yield { chunk: receipt.chunk, records, body, isVerbatim: true };
          }
        },
        close: async () => undefined,
      };
    },
  };
}

/** All of it happens in one turn of the event loop, so it is one transaction. */
function commit(kept: Kept, claim: string, context: SinkContext, chunks: readonly SinkChunk[]) {
  const { fence = -1 } = context;
  if (kept.claim !== claim) admitToSink(kept.claim, context);
  if (fence < kept.fence) {
    const sentence = `The sink has the fence ${kept.fence}, and this session commits under ${fence}.`;
    throw new LeatError('fenced', sentence, { fence: kept.fence });
  }
  for (const { receipt } of chunks) idOf(receipt.chunk);
  return chunks.map((chunk) => {
    const { receipt } = chunk;
    const known = kept.chunks.get(receipt.chunk);
    if (known === undefined) kept.chunks.set(receipt.chunk, chunk);
    return { receipt: known?.receipt ?? receipt, isDuplicate: known !== undefined };
  });
}

/** In the order of the dataset, as `leat verify` compares it. */
function inOrder({ chunks }: Kept): SinkChunk[] {
  return [...chunks.values()].toSorted((a, b) =>
    compareChunkIds(idOf(a.receipt.chunk), idOf(b.receipt.chunk)),
  );
}

function idOf(text: string): NonNullable<ReturnType<typeof parseChunkId>> {
  const id = parseChunkId(text);
  if (id === undefined) throw new LeatError('invalid-message', `${text} is not a chunk id.`);
  return id;
}
