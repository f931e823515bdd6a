/** Each record takes one of two branches. They meet again in one stage, which reads both and waits for nothing. */
import { fetcher, mapper, pipeline, route, saver } from 'leat';
import { ndjsonSink } from 'leat/files';
import { generate } from 'leat/memory';
import { z } from 'zod';

const Claim = z.object({ id: z.int(), amount: z.number() });
const Decided = z.object({ id: z.int(), by: z.enum(['rule', 'clerk']) });

const claims = fetcher('claims', {
  source: generate(1_000, (id) => ({ id, amount: (id * 37) % 2_000 })),
  schema: Claim,
});
const triage = route('triage', {
  from: claims,
  to: ['large', 'small'],
  pick: ({ amount }) => (amount > 1_000 ? 'large' : 'small'),
  otherwise: 'dead',
});
const reviewed = mapper('reviewed', {
  from: triage.to.large,
  schema: Decided,
  map: ({ id }) => ({ id, by: 'clerk' as const }),
});
const accepted = mapper('accepted', {
  from: triage.to.small,
  schema: Decided,
  map: ({ id }) => ({ id, by: 'rule' as const }),
});
const decided = mapper('decided', {
  from: [reviewed, accepted],
  enrich: ({ by }) => ({ letter: by === 'rule' ? 'short' : 'long' }),
});

export default pipeline('condition', {
  savers: [saver('files', { from: decided, sink: ndjsonSink('out/condition') })],
});
