/** Each record takes some of the branches of a route. The join has the parts of those, and `undefined` for others. */
import { fetcher, join, mapper, pipeline, route, saver } from 'leat';
import { ndjsonSink } from 'leat/files';
import { generate } from 'leat/memory';
import { z } from 'zod';

const Claim = z.object({ id: z.int(), amount: z.number(), isHome: z.boolean() });
const Review = z.object({ id: z.int(), clerk: z.string() });
const Visit = z.object({ id: z.int(), day: z.int() });
const Handled = z.object({
  id: z.int(),
  clerk: z.string().optional(),
  day: z.int().optional(),
});

const claims = fetcher('claims', {
  source: generate(1_000, (id) => ({ id, amount: (id * 37) % 2_000, isHome: id % 3 === 0 })),
  schema: Claim,
});
const triage = route('triage', {
  from: claims,
  to: ['large', 'home'],
  pick: ({ amount, isHome }) => [
    ...(amount > 1_000 ? (['large'] as const) : []),
    ...(isHome ? (['home'] as const) : []),
  ],
  otherwise: 'filter',
});
const review = mapper('review', {
  from: triage.to.large,
  schema: Review,
  map: ({ id }) => ({ id, clerk: `clerk ${id % 3}` }),
});
const visit = mapper('visit', {
  from: triage.to.home,
  schema: Visit,
  map: ({ id }) => ({ id, day: id % 7 }),
});
const handled = join('handled', {
  from: { review, visit },
  schema: Handled,
  missing: 'pass',
  map: ({ review: reviewed, visit: visited }) => ({ id: 0, ...reviewed, ...visited }),
});

export default pipeline('joined-condition', {
  savers: [saver('files', { from: handled, sink: ndjsonSink('out/joined-condition') })],
});
