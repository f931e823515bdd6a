import type { Plant } from '@leat/testing/simulation';
import { chunkDigest } from '@leat/sdk';
import { type Delivery, InlineStages, type PipelineConnection, ReceiptSender } from '@leat/runtime';
import { formatChunkId } from '@leat/core';

type HandOver = InlineStages['handOver'];

/** What holds where stages have no queue, each left out. */
export const PLANTED_INLINE: readonly Plant[] = [
  {
    name: 'a mapper that acknowledges before the inline commit',
    install: () =>
      spoil((handOver) => (...chunk) => {
        handOver(...chunk).catch(() => undefined);
        return Promise.resolve();
      }),
  },
  earlyReceipts(),
  {
    name: 'a dead letter that is counted by an inline stage, too',
    install: () =>
      spoil((handOver) => (name, parent, envelope, body) => {
        const { counts, buried } = envelope;
        if (buried === undefined) return handOver(name, parent, envelope, body);
        const again = { ...counts, expanded: counts.expanded + 1, dead: counts.dead + 1 };
        return handOver(name, parent, { ...envelope, counts: again }, body);
      }),
  },
];

/** Before an inline saver commits a chunk, its receipt is sent. */
function earlyReceipts(): Plant {
  const connections = new WeakMap<object, PipelineConnection>();
  return {
    name: 'an inline saver that sends its receipts before it commits',
    spoil: (connection) => {
      const { queues } = connection;
      const receive = queues.receive.bind(queues);
      queues.receive = (options) => {
        const handle = (delivery: Delivery): void => {
          connections.set(delivery, connection);
          options.handle(delivery);
        };
        return receive({ ...options, handle });
      };
    },
    install: () =>
      spoil((handOver) => (name, parent, envelope, body) => {
        const connection = connections.get(parent);
        const { chunk, counts, buried = [], source } = envelope;
        const id = formatChunkId(chunk);
        const digest = chunkDigest(id, body);
        const receipt = { chunk: id, counts, digest, fence: 0, buried, ...(source && { source }) };
        const isSaver = connection?.spec.stages.some(
          (stage) => stage.name === name && stage.kind === 'saver',
        );
        if (connection !== undefined && isSaver === true) {
          const { signal } = new AbortController();
          new ReceiptSender(connection, signal).send(envelope, receipt).catch(() => undefined);
        }
        return handOver(name, parent, envelope, body);
      }),
  };
}

function spoil(change: (handOver: HandOver) => HandOver): () => void {
  const { prototype } = InlineStages;
  const original: HandOver = Reflect.get<InlineStages, 'handOver'>(prototype, 'handOver');
  prototype.handOver = function spoilt(this: InlineStages, ...chunk: Parameters<HandOver>) {
    return change((...each) => original.apply(this, each))(...chunk);
  };
  return () => {
    prototype.handOver = original;
  };
}
