import { createHash } from 'node:crypto';
import { parseChunkId, TerminalError } from '@leat/core';
import { hashedPart, keyPart, STATE_KEYS } from '@leat/runtime';
import { linesOf, type Mapper, type Sources } from '@leat/sdk';
import type { Job } from '../job.ts';

/** The steps of a chunk id that say that a record was redriven, which it stays the same by. */
const REDRIVEN = /~[\d-]+/g;

/** Where the keys of one record in one stage lie. Each is the same whenever the stage works on the record. */
export interface RecordHome {
  /** Of the dataset's record, for all stages. */
  readonly shared: string;
  /** Of the record in this stage. */
  readonly own: string;
  /** The record in a set. */
  readonly member: string;
  /** Tells it from every other record in every other stage. */
  readonly idempotencyKey: string;
}

/**
 * Finds the home of a record.
 *
 * Where no stage before makes several records of one, that is its place in the dataset, whatever became of its bytes.
 * Below a `flatMap` children share that place, and so do copies that come together again. They are told apart by their bytes, the pieces that their chunk was
 * divided into, and, where those are the same too, their order in the chunk.
 *
 * @param requestId see `requestId`
 * @param number the record's in its source
 */
export function homeOf(
  mapper: Mapper,
  job: Job,
  index: number,
  { requestId, number }: { readonly requestId: string; readonly number: number },
): RecordHome {
  const { run, chunk } = job;
  const stage = keyPart(mapper.name);
  const shared = STATE_KEYS.record(run.id, chunk, number);
  if (!mayShareOrigin(mapper.from)) {
    return {
      shared,
      own: `${shared}.of.${stage}`,
      member: memberOf(requestId),
      idempotencyKey: `${requestId}/${mapper.name}`,
    };
  }
  const child = childOf(job, index);
  return {
    shared,
    own: `${shared}.of.${stage}.${child}`,
    member: memberOf(`${requestId}/${child}`),
    idempotencyKey: `${requestId}/${mapper.name}/${child}`,
  };
}

/** @throws TerminalError in a stage whose function is given many records at a time */
export function demandOneRecord({ name, work }: Mapper, what: string): void {
  if (work.type !== 'mapChunk') return;
  throw new TerminalError(
    `context.${what} belongs to one record, and mapChunk of the stage ${name} is given many: use map, or context.state.run`,
  );
}

/**
 * Whether several records of what a stage reads may come from one of the dataset: that is so below a `flatMap`, and
 * where one comes by several ways.
 */
function mayShareOrigin(from: Sources): boolean {
  if (from.length > 1) return true;
  const [stage] = from;
  if (stage.kind === 'fetcher') return false;
  const { work, from: before } = stage.kind === 'output' ? stage.stage : stage;
  return work.type === 'flatMap' || mayShareOrigin(before);
}

function childOf({ chunk, body, origins }: Job, index: number): string {
  const lines = linesOf(body);
  const line = lines[index] ?? new Uint8Array();
  let twins = 0;
  for (let at = 0; at < index; at++) {
    const isSibling = (origins?.[at] ?? at) === (origins?.[index] ?? index);
    if (isSibling && Buffer.compare(lines[at] as Uint8Array, line) === 0) twins++;
  }
  const pieces = (parseChunkId(chunk)?.path ?? '').replaceAll(REDRIVEN, '');
  const bytes = createHash('sha256').update(line).digest('base64url');
  return hashedPart(pieces, bytes, `${twins}`).slice(0, 22);
}

/** As a part of a key: ids of requests have slashes. */
function memberOf(id: string): string {
  return hashedPart(id);
}
