import { ndjsonSink, ndjsonSource } from '@leat/connectors/files';
import { fetcher, mapper, pipeline, saver } from '@leat/sdk';
import { totalOf, TRANSFORMS } from '../job/transform.ts';
import { jobFromEnvironment } from './job-from-environment.ts';

/** The job as a Leat pipeline. */
const job = jobFromEnvironment();
const { before, after, apply } = TRANSFORMS[job.transform === 'bytes' ? 'identity' : job.transform];

const items = fetcher('items', {
  source: ndjsonSource(job.dataset),
  schema: before,
  chunkSize: job.chunkSize,
});
const mapped =
  job.transform === 'enrich'
    ? mapper('mapped', { from: items, enrich: (item) => ({ total: totalOf(item) }) })
    : mapper('mapped', { from: items, schema: after, map: apply });
const files = saver('files', {
  from: mapped,
  inline: process.env['LEAT_BENCH_INLINE'] === 'yes',
  sink: ndjsonSink(`${job.dir}/out`, { fsync: job.fsync }),
});
export default pipeline('job', { savers: [files] });
