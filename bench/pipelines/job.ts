import { ndjsonSink, ndjsonSource } from '@leat/connectors/files';
import { fetcher, mapper, pipeline, saver } from '@leat/sdk';
import { TRANSFORMS } from '../job/transform.ts';
import { jobFromEnvironment } from './job-from-environment.ts';

/** The job as a Leat pipeline. */
const job = jobFromEnvironment();
const { before, after, apply } = TRANSFORMS[job.transform === 'bytes' ? 'identity' : job.transform];

const items = fetcher('items', {
  source: ndjsonSource(job.dataset),
  schema: before,
  chunkSize: job.chunkSize,
});
const mapped = mapper('mapped', { from: items, schema: after, map: apply });
const files = saver('files', {
  from: mapped,
  sink: ndjsonSink(`${job.dir}/out`, { fsync: job.fsync }),
});
export default pipeline('job', { savers: [files] });
