/** Each record takes any number of branches, which are found out from the record itself. */
import { fetcher, mapper, pipeline, route, saver } from 'leat';
import { ndjsonSink } from 'leat/files';
import { generate } from 'leat/memory';
import { z } from 'zod';

const Way = z.enum(['mail', 'text', 'push']);
const Notice = z.object({ id: z.int(), ways: z.array(Way) });
const Sent = z.object({ id: z.int(), way: z.string() });

const notices = fetcher('notices', {
  source: generate(1_000, (id) => ({ id, ways: Way.options.slice(0, id % 4) })),
  schema: Notice,
});
const by = route('by', {
  from: notices,
  to: Way.options,
  pick: ({ ways }) => ways,
  otherwise: 'filter', // Who wants to hear nothing hears nothing.
});
const sent = Way.options.map((way) =>
  mapper(way, { from: by.to[way], schema: Sent, map: ({ id }) => ({ id, way }) }),
);

export default pipeline('choices', {
  savers: [saver('files', { from: sent, sink: ndjsonSink('out/choices') })],
});
