import type { JsonValue } from './json.ts';

/** A chunk that was sent and is not settled. */
export interface ChunkInFlight {
  readonly seq: number;
  /** Where the source reads this chunk again. */
  readonly cursor: JsonValue;
  readonly records: number;
  /** Of its body, as the source gave it. */
  readonly bytes: number;
  /** When it was last put on its queues, in milliseconds by the caller's clock; infinite until it is. */
  readonly sentAt: number;
  /** How often it was sent again. */
  readonly resends: number;
}

interface Entry extends ChunkInFlight {
  sentAt: number;
  resends: number;
}

/** The chunks in flight, in the order in which they were added. */
export class InFlight {
  readonly #entries = new Map<number, Entry>();
  #bytes = 0;

  /** Of all of them together. */
  get bytes(): number {
    return this.#bytes;
  }

  add(chunk: Omit<ChunkInFlight, 'resends'>): void {
    this.#entries.set(chunk.seq, { ...chunk, resends: 0 });
    this.#bytes += chunk.bytes;
  }

  get(seq: number): ChunkInFlight | undefined {
    return this.#entries.get(seq);
  }

  values(): Iterable<ChunkInFlight> {
    return this.#entries.values();
  }

  /** Notes when a chunk was put on its queues; one that is settled meanwhile is not here. */
  sent(seq: number, now: number): void {
    const entry = this.#entries.get(seq);
    if (entry !== undefined) entry.sentAt = now;
  }

  /** Notes that a chunk is about to be sent again. @returns how often it was, this time included */
  resend(seq: number): number {
    const entry = this.#entries.get(seq);
    if (entry === undefined) return 0;
    // Not sent before JetStream has it: until then nobody may find it lost.
    entry.sentAt = Number.POSITIVE_INFINITY;
    return ++entry.resends;
  }

  delete(seq: number): void {
    this.#bytes -= this.#entries.get(seq)?.bytes ?? 0;
    this.#entries.delete(seq);
  }
}
