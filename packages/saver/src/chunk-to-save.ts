import { type Counts, formatPosition, newExecution, type Origins } from '@leat/core';
import { chunkDigest, linesOf, type RejectedRecord, type SinkChunk } from '@leat/sdk';
import { type DeadRecord, type Delivery, type RecordOrigin, readRecords } from '@leat/runtime';

/** A record that will not be saved, and why. */
interface Loss {
  readonly index: number;
  readonly reason: { readonly name: string; readonly message: string };
}

/**
 * A chunk in the saver's hand: its lines, less those that were found to be bad. Lines are looked at only
 * if there is something to find; otherwise the bytes go to the sink as they came.
 */
export class ChunkToSave {
  readonly delivery: Delivery;
  readonly id: string;
  /** This execution's token, for what it buries. */
  readonly execution: string = newExecution(Math.random());
  #body: Uint8Array;
  #origins: Origins | undefined;
  /** The place in the chunk, as it arrived, of each line that is left; absent while none is lost. */
  #places: readonly number[] | undefined;
  #counts: Counts;

  constructor(delivery: Delivery) {
    this.delivery = delivery;
    this.id = delivery.id;
    this.#body = delivery.body;
    this.#origins = delivery.envelope.origins;
    this.#counts = delivery.envelope.counts;
  }

  get bytes(): number {
    return this.#body.length;
  }

  /** @param fence the run's, under which it is to be committed */
  toSinkChunk(fence: number): SinkChunk {
    const { buried: earlier = [], source, division } = this.delivery.envelope;
    const receipt = {
      chunk: this.id,
      counts: this.#counts,
      digest: chunkDigest(this.id, this.#body),
      fence,
      buried: this.#places === undefined ? earlier : [...earlier, this.execution],
      ...(source !== undefined && { source }),
      ...(division !== undefined && { division }),
    };
    return { receipt, body: this.#body };
  }

  /**
   * Reads lines that no stage has read yet. Those that are not records of the schema are taken out; where the schema
   * makes something else of one, that takes its place.
   */
  validate(from: RecordOrigin): DeadRecord[] {
    const losses: Loss[] = [];
    const others = new Map<number, string>();
    for (const [index, record] of readRecords(this.#body, from, 'pass').entries()) {
      if ('invalid' in record) losses.push({ index, reason: record.invalid });
      else if (record.line !== undefined) others.set(index, record.line);
    }
    const dead = this.#lose(losses);
    if (others.size > 0) this.#rewrite(others);
    return dead;
  }

  /** @param others by their place in the chunk as it arrived */
  #rewrite(others: ReadonlyMap<number, string>): void {
    const lines = linesOf(this.#body).map((line, at) => {
      const other = others.get(this.#places?.[at] ?? at);
      return other === undefined ? line : Buffer.from(`${other}\n`);
    });
    this.#body = Buffer.concat(lines);
  }

  /** Takes out what the sink cannot take. */
  reject(rejected: readonly RejectedRecord[]): DeadRecord[] {
    return this.#lose(
      rejected.map(({ index, reason }) => ({
        index,
        reason: { name: 'RejectedBySink', message: reason },
      })),
    );
  }

  /** @param given where a sink names a record that is not there, nothing is lost */
  #lose(given: readonly Loss[]): DeadRecord[] {
    if (given.length === 0) return [];
    const { position } = this.delivery.envelope;
    const lines = linesOf(this.#body);
    const losses = given.filter(({ index }) => lines[index] !== undefined);
    if (losses.length === 0) return [];
    const places = this.#places ?? lines.map((_, index) => index);
    const origins = this.#origins ?? places;
    const lost = new Set(losses.map(({ index }) => index));
    const keep = <T>(items: readonly T[]): T[] => items.filter((_, index) => !lost.has(index));
    const records = losses.map(({ index, reason }) => ({
      index: places[index] ?? index,
      position: formatPosition(position, origins[index] ?? index),
      attempts: 1,
      error: { name: reason.name, message: reason.message },
      record: Buffer.from(lines[index] ?? new Uint8Array())
        .toString()
        .trimEnd(),
    }));
    this.#body = Buffer.concat(keep(lines));
    this.#origins = keep(origins);
    this.#places = keep(places);
    this.#counts = { ...this.#counts, dead: this.#counts.dead + lost.size };
    return records;
  }
}
