// A program that starts a run, pauses it, hosts the services itself, resumes the run and waits for its end.
import { connect, fetcher, mapper, pipeline, saver, serve } from 'leat';
import { ndjsonSink } from 'leat/files';
import { generate } from 'leat/memory';
import { z } from 'zod';

const servers = process.env.NATS_URL;
const numbers = fetcher('numbers', { source: generate(500, (n) => n), schema: z.int() });
const squares = mapper('squares', { from: numbers, map: (n) => ({ n, square: n * n }) });
const files = saver('files', { from: squares, sink: ndjsonSink('out/client') });
const orders = pipeline('squares', { savers: [files] });

const leat = await connect({ servers });
const run = await leat.start(orders);
console.log('started');
await run.pause();
const service = await serve(orders, { connection: { servers } });
for await (const { state } of run.reports()) {
  if (state === 'paused') break;
}
console.log('paused');
await run.resume();
const { state, records } = await run.completed();
console.log(`${state} ${records.saved}`);
await service.stop();
await leat.close();
