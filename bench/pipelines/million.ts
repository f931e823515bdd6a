import { generate } from '@leat/fetcher';
import { fetcher, pipeline, saver, type Sink } from '@leat/sdk';
import { z } from 'zod';

/** A run of very many chunks, each of one small record, into a sink that keeps nothing. */
const chunks = Number(process.env['LEAT_BENCH_CHUNKS']);

/** A pause as long as this is none of the pipeline's own making. */
const PAUSE_MS = 300;

const nothing = (): AsyncIterable<never> => (async function* () {})();
const close = (): Promise<void> => Promise.resolve();

/** Counts chunks, and says when the last tenth begins, and when chunks come again after a pause. */
const nowhere: Sink = {
  kind: 'nowhere',
  open: ({ logger }) => {
    let count = 0;
    let lastAt = performance.now();
    const commit = ((group) => {
      if (count > 0 && performance.now() - lastAt > PAUSE_MS) logger.info('chunks come again');
      const tenth = chunks * 0.9;
      if (count < tenth && count + group.length >= tenth) logger.info('last tenth');
      count += group.length;
      lastAt = performance.now();
      return Promise.resolve(group.map(({ receipt }) => ({ receipt, isDuplicate: false })));
    }) satisfies Awaited<ReturnType<Sink['open']>>['commit'];
    return Promise.resolve({ commit, receipts: nothing, read: nothing, close });
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
