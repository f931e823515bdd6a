import type { Meter, StageMeter } from '@leat/runtime';
import type { Instruments } from './instruments.ts';

/** Counts what the stages of a process do. */
export function createMeter(instruments: Instruments): Meter {
  const stages = new Map<string, StageMeter>();
  return (stage) => {
    let meter = stages.get(stage);
    if (meter === undefined) stages.set(stage, (meter = stageMeter(instruments, stage)));
    return meter;
  };
}

/** Looks its labels up once, because it is called with each chunk. */
function stageMeter(instruments: Instruments, stage: string): StageMeter {
  const { chunks, records, chunkDuration } = instruments;
  const outcomes = {
    done: chunks.labels({ stage, outcome: 'done' }),
    'given-back': chunks.labels({ stage, outcome: 'given-back' }),
    dropped: chunks.labels({ stage, outcome: 'dropped' }),
  };
  const out = records.labels({ stage, outcome: 'out' });
  const filtered = records.labels({ stage, outcome: 'filtered' });
  const duration = chunkDuration.labels({ stage });
  const inFlight = instruments.chunksInFlight.labels({ stage });
  const redeliveries = instruments.redeliveries.labels({ stage });
  const retries = instruments.retries.labels({ stage });
  const recovered = instruments.recovered.labels({ stage });
  const deadLetters = instruments.deadLetters.labels({ stage });
  // A rate needs a first value: what is absent until it happens for the first time seems never to have happened.
  for (const counter of [...Object.values(outcomes), out, filtered]) counter.inc(0);
  for (const counter of [redeliveries, retries, recovered, deadLetters]) counter.inc(0);
  inFlight.set(0);
  return {
    take: (deliveries) => {
      inFlight.inc();
      if (deliveries > 1) redeliveries.inc();
    },
    settle: (outcome, durationMs) => {
      inFlight.dec();
      outcomes[outcome].inc();
      if (outcome === 'done') duration.observe(durationMs / 1_000);
    },
    work: (done) => {
      out.inc(done.out);
      if (done.filtered > 0) filtered.inc(done.filtered);
      if (done.retries > 0) retries.inc(done.retries);
      if (done.recovered > 0) recovered.inc(done.recovered);
    },
    bury: (letters) => deadLetters.inc(letters),
  };
}
