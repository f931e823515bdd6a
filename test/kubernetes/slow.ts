// A pipeline of one's own, mounted into the image: 4,000 chunks of five records that take 100 ms each.
import { setTimeout as delay } from 'node:timers/promises';
import { ndjsonSink } from '@leat/connectors/files';
import { generate } from '@leat/connectors/memory';
import { fetcher, mapper, pipeline, saver } from '@leat/sdk';
import { z } from 'zod';

const Numbered = z.object({ n: z.number() });

const numbers = fetcher('numbers', {
  source: generate(20_000, (n) => ({ n })),
  schema: Numbered,
  chunkSize: 5,
});
const waits = mapper('waits', {
  from: numbers,
  schema: Numbered,
  concurrency: 5,
  map: async ({ n }) => {
    await delay(100);
    return { n };
  },
});
const files = saver('files', { from: waits, sink: ndjsonSink('/data/slow') });

export default pipeline('slow', { savers: [files] });
