// A saver's process in tests: commits the chunks of a file through a sink of its own. It is started with
// one argument, `{ sink, identity, file, together, lanes, rounds }`, and prints how many were no duplicates; a dot
// goes to standard error for each commit. With `stopBeforeLink` it stops itself before the so manieth file
// gets its final name.
import files, { readFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { z } from 'zod';
import { ndjsonSink } from '@leat/connectors/files';
import { pglite, postgres } from '@leat/connectors/postgres';

const { sink, identity, file, together, lanes, rounds, stopBeforeLink } = JSON.parse(
  process.argv[2],
);
const session = await { ndjson: ndjsonSink, pglite, postgres }[sink.kind](...sink.options).open({
  run: { id: identity.run, pipeline: identity.pipeline, params: {} },
  identity,
  isRecovered: false,
  stage: 'saver',
  fence: 1,
  schema: z.object({ id: z.int(), text: z.string() }),
  logger: { warn: () => undefined },
});
const chunks = JSON.parse(readFileSync(file, 'utf8')).map(({ receipt, body }) => ({
  receipt,
  body: Buffer.from(body),
}));
if (stopBeforeLink !== undefined) {
  const { linkSync } = files;
  let links = 0;
  files.linkSync = (from, to) => {
    if (++links === stopBeforeLink) process.kill(process.pid, 'SIGSTOP');
    return linkSync(from, to);
  };
  syncBuiltinESMExports();
}
let committed = 0;
for (let round = 0; round < rounds; round++) {
  const batches = [];
  for (let at = 0; at < chunks.length; at += together)
    batches.push(chunks.slice(at, at + together));
  const lane = async () => {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
      for (const { isDuplicate } of await session.commit(batch)) if (!isDuplicate) committed++;
      process.stderr.write('.');
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
await session.close();
process.stdout.write(String(committed));
