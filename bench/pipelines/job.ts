import { ndjson as lines } from '@leat/fetcher';
import { ndjson } from '@leat/saver';
import { fetcher, mapper, pipeline, saver } from '@leat/sdk';
import type { Job } from '../job/job.ts';
import { TRANSFORMS } from '../job/transform.ts';

/** The job as a Leat pipeline. */
const job = JSON.parse(process.env['LEAT_BENCH_JOB'] ?? '{}') as Job;
const { before, after, apply } = TRANSFORMS[job.transform === 'bytes' ? 'identity' : job.transform];

const items = fetcher('items', {
  source: lines(job.dataset),
  schema: before,
  chunkSize: job.chunkSize,
  maxBytes: 4 * 1024 * 1024,
});
const mapped = mapper('mapped', { from: items, schema: after, map: apply });
const files = saver('files', {
  from: mapped,
  sink: ndjson(`${job.dir}/out`, { fsync: job.fsync }),
});
export default pipeline('job', { savers: [files] });
