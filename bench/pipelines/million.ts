import { generate } from '@leat/connectors/memory';
import { fetcher, pipeline, saver, type Sink, type SinkSession } from '@leat/sdk';
import { z } from 'zod';

/** A run of very many chunks, each of one small record, into a sink that keeps nothing. */
const chunks = Number(process.env['LEAT_BENCH_CHUNKS']);

/** When nothing has come for so long, nothing is in flight any more. */
const QUIET_MS = 1_000;

const nothing = (): AsyncIterable<never> => (async function* () {})();

// Not of a session: the next fetcher's fence opens another one.
let count = 0;
let quiet: NodeJS.Timeout | undefined;

/** Says when three quarters have come, when no more come, and when they come again. */
const nowhere: Sink = {
  kind: 'nowhere',
  open: ({ logger }) => {
    const commit: SinkSession['commit'] = (group) => {
      if (count > 0 && quiet === undefined) logger.info('chunks come again');
      const isBefore = count < chunks * 0.75;
      count += group.length;
      if (isBefore && count >= chunks * 0.75) logger.info('three quarters');
      clearTimeout(quiet);
      quiet = setTimeout(() => {
        quiet = undefined;
        logger.info('no more chunks');
      }, QUIET_MS).unref();
      return Promise.resolve(group.map(({ receipt }) => ({ receipt, isDuplicate: false })));
    };
    return Promise.resolve({
      commit,
      receipts: nothing,
      read: nothing,
      close: () => Promise.resolve(),
    });
  },
};

const numbers = fetcher('numbers', {
  source: generate(chunks, (n) => n),
  schema: z.int(),
  chunkSize: 1,
});
export default pipeline('million', {
  savers: [saver('nowhere', { from: numbers, sink: nowhere })],
});
