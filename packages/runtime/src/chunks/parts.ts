import {
  type ChunkId,
  formatChunkId,
  forkedBy,
  partSubject,
  type PipelineSpec,
  streamName,
} from '@leat/core';
import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream';
import type { Signing } from '../signing/signing.ts';
import type { Bodies } from './bodies.ts';
import { bodyNameOf, type Envelope, readMessage } from './chunk-message.ts';

/** What parts of a chunk are made of. */
export interface StoredPart {
  readonly envelope: Envelope;
  readonly body: Uint8Array;
  /** The name of its body in the object store, if it is there. */
  readonly bodyName?: string;
}

/** The subject in front of a join of everything that belongs to one chunk: its parts, or itself if it is tried again. */
export function joinSubject(
  spec: Pick<PipelineSpec, 'name'>,
  join: string,
  envelope: Envelope,
): string {
  const { run, sending, chunk } = envelope;
  const forked: ChunkId = forkedBy(envelope) ?? chunk;
  const id = formatChunkId(forked);
  return partSubject(spec.name, join, run, sending === '' ? id : `${id}+${sending}`);
}

export interface PartsOptions {
  readonly spec: PipelineSpec;
  readonly manager: JetStreamManager;
  readonly bodies: Bodies;
  /** Says which messages are believed; all are without it. */
  readonly signing: Signing | undefined;
}

/** The parts in front of joins. They stay there, acknowledged, until the last one of their chunk has come. */
export class Parts {
  readonly #spec: PipelineSpec;
  readonly #manager: JetStreamManager;
  readonly #bodies: Bodies;
  readonly #signing: Signing | undefined;

  constructor({ spec, manager, bodies, signing }: PartsOptions) {
    this.#spec = spec;
    this.#manager = manager;
    this.#bodies = bodies;
    this.#signing = signing;
  }

  /**
   * How many messages of the same chunk there are: a look that costs a fraction of reading one.
   *
   * @throws whatever the client throws when the server is away
   */
  async count(join: string, envelope: Envelope): Promise<number> {
    const stream = streamName(this.#spec.name, join);
    const subject = joinSubject(this.#spec, join, envelope);
    const { state } = await this.#manager.streams.info(stream, { subjects_filter: subject });
    return state.subjects?.[subject] ?? 0;
  }

  /**
   * The parts of the same chunk that were stored before one of them, in the order of storing. They are asked for from
   * the leader of the stream: a follower may not have the last ones yet.
   *
   * @param seq where that one stands in the stream
   * @throws whatever the client throws when the server is away
   */
  async *before(join: string, envelope: Envelope, seq: number): AsyncGenerator<StoredPart> {
    const stream = streamName(this.#spec.name, join);
    const subject = joinSubject(this.#spec, join, envelope);
    for (let next = 1; next < seq;) {
      const query = { seq: next, next_by_subj: subject };
      const message = await this.#manager.streams.getMessage(stream, query);
      if (message === null || message.seq >= seq) return;
      next = message.seq + 1;
      const part = await this.#read(envelope.run, message);
      if (part !== undefined) yield part;
    }
  }

  /** A part; `undefined` for one that is not believed, or is gone: that is sent again with all others. */
  async #read(run: string, message: StoredMsg): Promise<StoredPart | undefined> {
    const { subject, header: headers, data } = message;
    const signed = { subject, headers, data };
    if (this.#signing?.refusalOf(signed) !== undefined) return undefined;
    const bodyName = bodyNameOf(headers);
    if (bodyName === undefined) return readMessage(run, headers, data);
    const body = await this.#bodies.get(bodyName);
    if (body === undefined) return undefined;
    if (this.#signing?.refusalOfBody(signed, body) !== undefined) return undefined;
    return { ...readMessage(run, headers, body), bodyName };
  }

  /**
   * Removes what belongs to a chunk that was put together. What cannot be removed now goes with the run.
   *
   * @param parts those that were put together
   */
  async remove(join: string, envelope: Envelope, parts: readonly StoredPart[]): Promise<void> {
    const stream = streamName(this.#spec.name, join);
    const filter = joinSubject(this.#spec, join, envelope);
    await this.#manager.streams.purge(stream, { filter }).catch(() => undefined);
    for (const { bodyName } of parts) {
      if (bodyName !== undefined) await this.#bodies.remove(bodyName);
    }
  }
}
