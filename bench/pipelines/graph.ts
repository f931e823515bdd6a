import { ndjsonSink, ndjsonSource } from '@leat/connectors/files';
import { fetcher, join, mapper, pipeline, saver } from '@leat/sdk';
import { TRANSFORMS } from '../job/transform.ts';
import { jobFromEnvironment } from './job-from-environment.ts';

/** The job done by three stages: one after the other, or two side by side and a join. */
const job = jobFromEnvironment();
const { before, after, apply } = TRANSFORMS.cheap;

const items = fetcher('items', {
  source: ndjsonSource(job.dataset),
  schema: before,
  chunkSize: job.chunkSize,
});
const first = mapper('first', { from: items, schema: after, map: apply });
const last = process.env['LEAT_BENCH_GRAPH'] === 'join' ? joined() : inARow();
const files = saver('files', {
  from: last,
  sink: ndjsonSink(`${job.dir}/out`, { fsync: job.fsync }),
});
export default pipeline('graph', { savers: [files] });

function inARow() {
  const second = mapper('second', { from: first, schema: after, map: (item) => item });
  return mapper('third', { from: second, schema: after, map: (item) => item });
}

function joined() {
  const second = mapper('second', { from: items, schema: after, map: apply });
  return join('third', {
    from: { first, second },
    schema: after,
    missing: 'dead',
    map: (parts) => parts.first,
  });
}
