import { createHash } from 'node:crypto';
import { ndjsonSink, ndjsonSource } from '@leat/connectors/files';
import { fetcher, mapper, pipeline, saver } from '@leat/sdk';
import { TRANSFORMS } from '../job/transform.ts';
import { jobFromEnvironment } from './job-from-environment.ts';

/** The job, with some tenths of a millisecond of work for each record. */
const job = jobFromEnvironment();
const { before, after, apply } = TRANSFORMS.cheap;

const items = fetcher('items', {
  source: ndjsonSource(job.dataset),
  schema: before,
  chunkSize: job.chunkSize,
});
const mapped = mapper('mapped', {
  from: items,
  schema: after,
  threads: Number(process.env['LEAT_BENCH_THREADS']),
  map: (item) => {
    let digest = item.sku;
    for (let turn = 0; turn < 200; turn++) {
      digest = createHash('sha256').update(digest).digest('hex');
    }
    return { ...apply(item), sku: digest };
  },
});
const files = saver('files', {
  from: mapped,
  sink: ndjsonSink(`${job.dir}/out`, { fsync: job.fsync }),
});
export default pipeline('burn', { savers: [files] });
