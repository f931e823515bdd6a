import { writeFile } from 'node:fs/promises';
import { fetcher, mapper, pipeline, saver } from 'leat';
import { ndjsonSink } from 'leat/files';
import { generate } from 'leat/memory';
import { z } from 'zod';

const LIST = new Map([
  ['ink', 480],
  ['paper', 350],
  ['pen', 120],
]);

const orders = fetcher('orders', {
  params: z.object({ out: z.string().default('out/prices') }),
  source: generate(400, (id) => ({ id, item: ['ink', 'paper', 'pen', 'quill'][id % 4] ?? '' })),
  schema: z.object({ id: z.int(), item: z.string() }),
});

const priced = mapper('priced', {
  from: orders,
  schema: z.object({ cents: z.int().nullable() }),
  retry: 1,
  enrich: ({ item }) => {
    const cents = LIST.get(item);
    if (cents === undefined) throw new Error(`no price for ${item}`);
    return { cents };
  },
  // No order is missing from the file, and it says which have no price.
  recover: () => ({ cents: null }),
});

const files = saver('files', { from: priced, sink: ({ params }) => ndjsonSink(params.out) });

export default pipeline('prices', {
  savers: [files],
  // Written a second time, the file is the same.
  finally: async ({ hook, params }, { run, state, records }) => {
    await writeFile(`${params.out}.json`, `${JSON.stringify({ hook, run, state, records })}\n`);
  },
});
