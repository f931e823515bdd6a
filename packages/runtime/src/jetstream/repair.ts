import {
  consumerDrifts,
  type Drift,
  driftText,
  LeatError,
  messageOf,
  streamDrifts,
  type StreamObject,
  type WantedConsumer,
} from '@leat/core';
import type {
  ConsumerConfig,
  ConsumerInfo,
  JetStreamManager,
  StreamConfig,
} from '@nats-io/jetstream';

/** Something on the server that was not as Leat wants it. */
export interface Drifted {
  /** `stream leat_cities_place`, or `consumer place of the stream leat_cities_place`. */
  readonly object: string;
  readonly drift: Drift;
  readonly isRepaired: boolean;
  /** Why the server refused the repair, if it did. */
  readonly refusal?: string;
}

/** What is done about what differs. */
export interface Repairs {
  /** Whether it is put right where nothing can be lost by it. */
  readonly mayRepair: boolean;
  /** Given each thing that differed. */
  readonly tell: (drifted: Drifted) => void;
}

/** Compares, and says nothing of what may differ. */
export const COMPARE_ONLY: Repairs = { mayRepair: false, tell: () => undefined };

/** `the stream leat_cities_place: max_bytes is 100, wanted 268435456: repaired`. */
export function driftedText({ object, drift, isRepaired, refusal }: Drifted): string {
  const why = refusal === undefined ? '' : ` (${refusal})`;
  return `the ${object}: ${driftText(drift)}; ${isRepaired ? 'repaired' : `not repaired${why}`}`;
}

/**
 * Holds a stream against what is wanted.
 *
 * @throws LeatError `topology-mismatch` if something differs that correctness rests on, and is not repaired
 */
export async function settleStream(
  jsm: JetStreamManager,
  { kind, stream }: StreamObject,
  found: StreamConfig,
  repairs: Repairs,
): Promise<void> {
  const { name } = stream;
  const drifts = streamDrifts(kind, stream, { ...found });
  await settle(`stream ${name}`, drifts, repairs, {
    change: (change) => jsm.streams.update(name, change),
    remake: async () => {
      await jsm.streams.delete(name);
      await jsm.streams.add({ ...stream } as unknown as Partial<StreamConfig> & { name: string });
    },
  });
}

/**
 * As {@link settleStream}, for a consumer.
 *
 * @returns its configuration as it is now
 */
export async function settleConsumer(
  jsm: JetStreamManager,
  stream: string,
  wanted: WantedConsumer,
  info: ConsumerInfo,
  repairs: Repairs,
): Promise<ConsumerConfig> {
  const { durable_name: name } = wanted;
  const drifts = consumerDrifts(wanted, { ...info.config }, info.paused === true);
  if (drifts.length === 0) return info.config;
  await settle(`consumer ${name} of the stream ${stream}`, drifts, repairs, {
    change: async ({ paused, ...change }) => {
      if (paused === false) await jsm.consumers.resume(stream, name);
      if (Object.keys(change).length === 0) return;
      await jsm.consumers.update(stream, name, change);
    },
    remake: async () => {
      await jsm.consumers.delete(stream, name);
      await jsm.consumers.add(stream, { ...wanted });
    },
  });
  return (await jsm.consumers.info(stream, name)).config;
}

interface Means {
  readonly change: (change: Readonly<Record<string, unknown>>) => Promise<unknown>;
  readonly remake: () => Promise<unknown>;
}

async function settle(
  object: string,
  drifts: readonly Drift[],
  { mayRepair, tell }: Repairs,
  means: Means,
): Promise<void> {
  if (drifts.length === 0) return;
  const refusals = mayRepair ? await repair(drifts, means) : undefined;
  for (const drift of drifts) {
    const refusal = refusals?.get(drift);
    const isRepaired = mayRepair && drift.repair !== undefined && refusal === undefined;
    tell({ object, drift, isRepaired, ...(refusal !== undefined && { refusal }) });
    if (drift.isVital && !isRepaired) throw mismatch(object, drift, refusal);
  }
}

/** One that the server refuses keeps no other from being repaired. @returns why it refused them */
async function repair(
  drifts: readonly Drift[],
  { change, remake }: Means,
): Promise<Map<Drift, string>> {
  const refusals = new Map<Drift, string>();
  const tried = async (of: readonly Drift[], doing: () => Promise<unknown>): Promise<void> => {
    const refusal = await doing().then(() => undefined, messageOf);
    for (const drift of of) if (refusal !== undefined) refusals.set(drift, refusal);
  };
  const remade = drifts.filter((drift) => drift.repair === 'remake');
  if (remade.length > 0) {
    // What is made again has all that is wanted.
    await tried([...drifts], remake);
    return refusals;
  }
  const changed = drifts.filter((drift) => drift.repair === 'change');
  // Together first: some are possible only with others.
  if (changed.length > 0) await tried(changed, () => change(valuesOf(changed)));
  if (refusals.size === 0 || changed.length === 1) return refusals;
  refusals.clear();
  for (const drift of changed) await tried([drift], () => change(valuesOf([drift])));
  return refusals;
}

function valuesOf(drifts: readonly Drift[]): Record<string, unknown> {
  return Object.fromEntries(drifts.map(({ field, wanted }) => [field, wanted]));
}

function mismatch(object: string, { field, wanted, found }: Drift, refusal?: string): LeatError {
  const why = refusal === undefined ? '' : ` (repairing it failed: ${refusal})`;
  return new LeatError(
    'topology-mismatch',
    `The ${object} has ${field} ${JSON.stringify(found)} where Leat needs ${JSON.stringify(wanted)}: delete it or correct that field${why}.`,
  );
}
