import { setTimeout as wait } from 'node:timers/promises';
import { ndjsonSink, ndjsonSource } from '@leat/connectors/files';
import { fetcher, mapper, pipeline, saver } from '@leat/sdk';
import { TRANSFORMS } from '../job/transform.ts';
import { jobFromEnvironment } from './job-from-environment.ts';

/** The job, with a wait for each record, as if another service were asked. */
const job = jobFromEnvironment();
const { before, after, apply } = TRANSFORMS.cheap;
const sleepMs = Number(process.env['LEAT_BENCH_SLEEP_MS']);

const items = fetcher('items', {
  source: ndjsonSource(job.dataset),
  schema: before,
  chunkSize: job.chunkSize,
});
const mapped = mapper('mapped', {
  from: items,
  schema: after,
  map: async (item) => {
    await wait(sleepMs);
    return apply(item);
  },
});
const files = saver('files', {
  from: mapped,
  sink: ndjsonSink(`${job.dir}/out`, { fsync: job.fsync }),
});
export default pipeline('sleep', { savers: [files] });
