import { setMaxListeners } from 'node:events';
import { formatChunkId, LeatError } from '@leat/core';
import type { ChunkOutcome } from '../meter.ts';
import type { StageTelemetry } from '../telemetry.ts';
import type { Envelope } from './chunk-message.ts';
import type { Delivery } from './delivery.ts';

/** A stage that this process works on without a queue. */
export interface InlineStage {
  /** Takes a chunk; must end in one of the delivery's functions. */
  readonly take: (delivery: Delivery) => void;
  readonly telemetry: StageTelemetry;
}

/** Why an inline stage is not done with a chunk. It has said the reason itself; the chunk that it comes from follows. */
export class NotDone extends Error {
  override readonly name: string = 'NotDone';
  readonly outcome: 'given-back' | 'dropped';
  /** For how long no replica shall have it. */
  readonly delayMs: number;

  constructor(outcome: NotDone['outcome'], reason: string, delayMs: number) {
    super(reason);
    this.outcome = outcome;
    this.delayMs = delayMs;
  }
}

/**
 * The inline stages that are worked on with one queue: a chunk that is passed on to one of them is a delivery in this
 * process. The message that it comes from is acknowledged when all of them are done.
 */
export class InlineStages {
  readonly #stages = new Map<string, InlineStage>();

  add(name: string, stage: InlineStage): void {
    this.#stages.set(name, stage);
  }

  has(name: string): boolean {
    return this.#stages.has(name);
  }

  /**
   * Hands a chunk over to an inline stage, and waits until the stage has acknowledged it.
   *
   * @param parent the chunk that it comes from, which stays in hand
   * @throws NotDone if the stage gives it back, or drops it
   */
  handOver(
    name: string,
    { deliveries, limitBlock }: Pick<Delivery, 'deliveries' | 'limitBlock'>,
    envelope: Envelope,
    body: Uint8Array,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const stage = this.#stages.get(name);
      if (stage === undefined) {
        throw new LeatError('invalid-pipeline', `The stage ${name} is not worked on here.`);
      }
      const telemetry = stage.telemetry.inHand(deliveries);
      telemetry.read(envelope, envelope.trace);
      let isSettled = false;
      const settle = (outcome: ChunkOutcome, end: () => void): void => {
        if (isSettled) return;
        isSettled = true;
        telemetry.settled(outcome);
        end();
      };
      // Never in the turn in which it is parked: the stage may be about to park others.
      const takeAgain = (): void => queueMicrotask(() => stage.take(delivery));
      const delivery: Delivery = {
        envelope,
        id: formatChunkId(envelope.chunk),
        body,
        deliveries,
        telemetry,
        limitBlock,
        ack: () => settle('done', resolve),
        giveBack: (delayMs = 0) => {
          const reason = `the stage ${name} has given it back`;
          settle('given-back', () => reject(new NotDone('given-back', reason, delayMs)));
        },
        park: (until) => {
          if (until.aborted) {
            takeAgain();
            return;
          }
          // As many chunks as the host has in hand may wait for it.
          setMaxListeners(0, until);
          until.addEventListener('abort', takeAgain, { once: true });
        },
        drop: (reason) => settle('dropped', () => reject(new NotDone('dropped', reason, 0))),
      };
      stage.take(delivery);
    });
  }
}
