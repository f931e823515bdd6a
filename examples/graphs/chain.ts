/** One function after the other. The second one has no queue: it is called in the process that has called the first. */
import { fetcher, mapper, pipeline, saver } from 'leat';
import { ndjsonSink } from 'leat/files';
import { generate } from 'leat/memory';
import { z } from 'zod';

const Note = z.object({ id: z.int(), text: z.string() });

const notes = fetcher('notes', {
  source: generate(1_000, (id) => ({ id, text: ` note  ${id} ` })),
  schema: Note,
});
const trimmed = mapper('trimmed', {
  from: notes,
  schema: Note,
  map: ({ id, text }) => ({ id, text: text.trim().replaceAll(/\s+/g, ' ') }),
});
const counted = mapper('counted', {
  from: trimmed,
  inline: true,
  enrich: ({ text }) => ({ letters: text.length }),
});

export default pipeline('chain', {
  savers: [saver('files', { from: counted, sink: ndjsonSink('out/chain') })],
});
