import {
  addCounts,
  fewestParts,
  type ChunkId,
  formatChunkId,
  forkedBy,
  Gathering,
  NO_COUNTS,
  type PipelineSpec,
  regionsAround,
} from '@leat/core';
import type { Delivery, Envelope, PipelineConnection, Publishing, StoredPart } from '@leat/runtime';
import { giveUp } from './give-up.ts';
import type { JoinStage } from './join-stage.ts';
import { putTogether, type PutTogether } from './put-together.ts';

export interface JoinPartsOptions {
  readonly connection: Publishing & Pick<PipelineConnection, 'queues'>;
  readonly spec: PipelineSpec;
  readonly stage: JoinStage;
  /** Aborted when the process must end at once. */
  readonly abort: AbortSignal;
}

/**
 * What a join does before it works on records. The replica that has the last part of a chunk puts all together: any
 * other was stored before, so that one finds it; and it may be acknowledged, because it stays where it is.
 */
export class JoinParts {
  readonly #options: JoinPartsOptions;
  /** How many regions are open behind the join. */
  readonly #depth: number;

  constructor(options: JoinPartsOptions) {
    this.#options = options;
    this.#depth = regionsAround(options.spec, options.stage.name).length;
  }

  /** @returns the chunk that is whole now; `undefined` if other parts are to come, and this one waits for them */
  async whole(delivery: Delivery): Promise<Delivery | undefined> {
    const { envelope, body, seq = 0 } = delivery;
    // What the join itself gave up, and is tried again, has no parts.
    if ((envelope.regions ?? []).length <= this.#depth)
      return this.#removing(delivery, envelope, []);
    const own = { envelope, body };
    const parts = await this.#gather(own, seq);
    if (parts === undefined) {
      delivery.keep?.();
      return undefined;
    }
    const forked = forkedBy(envelope) as ChunkId;
    const together = putTogether(this.#options.stage, forked, parts);
    const { body: joined, places } = together;
    const whole = {
      ...delivery,
      envelope: await this.#giveUp(together, delivery),
      id: formatChunkId(forked),
      body: joined,
      places,
    };
    const others = parts.filter((part) => part !== own);
    return this.#removing(whole, envelope, others);
  }

  async #gather(own: StoredPart, seq: number): Promise<readonly StoredPart[] | undefined> {
    const { connection, stage } = this.#options;
    const { parts } = connection.queues;
    if ((await parts.count(stage.name, own.envelope)) < fewestParts(own.envelope)) return undefined;
    const gathering = new Gathering<Envelope>();
    const stored: StoredPart[] = [];
    const add = (part: StoredPart): boolean => {
      stored.push(part);
      return gathering.add(part.envelope);
    };
    for await (const part of parts.before(stage.name, own.envelope, seq)) {
      // Another replica has the part that made it whole.
      if (add(part)) return undefined;
    }
    if (!add(own)) return undefined;
    return gathering.parts.map(
      (envelope) => stored.find((part) => part.envelope === envelope) as StoredPart,
    );
  }

  /** Gives up what cannot go on, before the rest is worked on. */
  async #giveUp(
    { envelope, dead, outer }: PutTogether,
    { telemetry }: Delivery,
  ): Promise<Envelope> {
    const { stage, ...options } = this.#options;
    const lost = dead.map((record) => ({ record, place: outer[record.index] ?? record.index }));
    const given = await giveUp({ ...options, stage: stage.name }, envelope, telemetry, lost);
    const { buried, failures, counts } = given;
    return {
      ...envelope,
      // Each counted as dead until it was known who makes its letter.
      counts: addCounts(envelope.counts, {
        ...NO_COUNTS,
        dead: counts.dead - lost.length,
        filtered: counts.filtered,
      }),
      ...(buried.length > 0 && { buried }),
      ...(failures.length > 0 && { failures }),
    };
  }

  /** As a chunk that is acknowledged by the removal of all that belongs to it. */
  #removing(delivery: Delivery, own: Envelope, parts: readonly StoredPart[]): Delivery {
    const { connection, stage } = this.#options;
    const { ack } = delivery;
    const remove = (): Promise<void> => connection.queues.parts.remove(stage.name, own, parts);
    return { ...delivery, ack: () => void remove().then(ack, ack) };
  }
}
