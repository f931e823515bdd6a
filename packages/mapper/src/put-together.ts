import {
  type ChunkId,
  closed,
  fateOfJoining,
  formatPosition,
  type JoinFate,
  type Joining,
  joinedCounts,
  type JoinSpec,
  matched,
  offsetsOf,
  type Origins,
  sourcesOf,
  TerminalError,
} from '@leat/core';
import type { DeadRecord, Envelope, StoredPart } from '@leat/runtime';
import { linesOf } from '@leat/sdk';
import { deadRecord } from './dead-record.ts';
import type { JoinStage } from './join-stage.ts';

/** A branch has left a record out whose author does not expect that. */
class MissingPart extends TerminalError {
  override readonly name: string = 'MissingPart';
}

/** A branch has made several records of one. */
class AmbiguousParts extends TerminalError {
  override readonly name: string = 'AmbiguousParts';
}

/** The chunk that parts make up. */
export interface PutTogether {
  readonly envelope: Envelope;
  /** A line for each record: an object with a field for each part. */
  readonly body: Uint8Array;
  /** Of each record, its place in the chunk that was forked. */
  readonly places: Origins;
  /** What is given up here. The books have it as dead. */
  readonly dead: readonly DeadRecord[];
  /** By place, where a record of the chunk that was forked comes from. */
  readonly outer: Origins;
}

/**
 * Puts the records of parts together, each under the place that it had in the chunk that was forked.
 *
 * @param chunk the one that was forked: what follows goes on under its id
 */
export function putTogether(
  stage: JoinStage,
  chunk: ChunkId,
  parts: readonly StoredPart[],
): PutTogether {
  const { join } = stage;
  const entered = sourcesOf(stage).indexOf(join.fork);
  const envelopes = parts.map(({ envelope }) => envelope);
  const lines = parts.map(({ body }) => linesOf(body));
  const fates = matched(envelopes).map((joining): readonly [Joining, JoinFate] => [
    joining,
    fateOfJoining(joining, join),
  ]);
  const textsOf = (joining: Joining, part: number): readonly string[] =>
    (joining.found[part] ?? []).map((found) => lineAt(lines, found));
  const outer = closed(envelopes);
  const [{ run, born, source, position, sending }] = envelopes as [Envelope];
  const offsets = offsetsOf(outer.origins, outer.regions);
  const together: string[] = [];
  const places: number[] = [];
  const dead: DeadRecord[] = [];
  for (const [joining, fate] of fates) {
    const { place } = joining;
    const whole = (): string => objectOf(join, (part) => textsOf(joining, part));
    if (fate.type === 'together') {
      together.push(`${whole()}\n`);
      places.push(place);
    } else if (fate.type !== 'filtered') {
      const [line] = textsOf(joining, entered);
      const where = formatPosition(position, offsets?.[place] ?? place);
      dead.push(letterOf(fate, place, where, line ?? whole(), line !== undefined));
    }
  }
  return {
    envelope: {
      run,
      ...(born !== undefined && { born }),
      ...(source !== undefined && { source }),
      position,
      sending,
      ...outer,
      chunk,
      counts: joinedCounts(envelopes, fates),
      origins: places.map((place) => outer.origins?.[place] ?? place),
    },
    body: Buffer.from(together.join('')),
    places,
    dead,
    outer: outer.origins ?? [],
  };
}

function lineAt(
  lines: readonly (readonly Uint8Array[])[],
  { chunk, index }: { readonly chunk: number; readonly index: number },
): string {
  const line = lines[chunk]?.[index] as Uint8Array;
  return Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString().trimEnd();
}

/** Each part by its name; several of one as a list, which no schema of a part takes for one. */
function objectOf({ parts }: JoinSpec, textsOf: (part: number) => readonly string[]): string {
  const fields = parts.flatMap((name, part): string[] => {
    const texts = textsOf(part);
    if (texts.length === 0) return [];
    return [`${JSON.stringify(name)}:${texts.length === 1 ? texts[0] : `[${texts.join(',')}]`}`];
  });
  return `{${fields.join(',')}}`;
}

/** @param isEntered whether the record is as the branches got it: then it can be tried again from there */
function letterOf(
  fate: Exclude<JoinFate, { readonly type: 'together' | 'filtered' }>,
  place: number,
  position: string,
  record: string,
  isEntered: boolean,
): DeadRecord {
  if (fate.type === 'failed') {
    const { stage, attempts, error } = fate.failure;
    return { index: place, position, attempts, error, record, branch: stage };
  }
  const { part } = fate;
  const error =
    fate.type === 'missing'
      ? new MissingPart(`the branch ${part} has filtered it, and missing is 'dead'`)
      : new AmbiguousParts(`the branch ${part} has made several records of it; a join takes one`);
  const letter = deadRecord(place, position, record, { error, attempts: 1 });
  return isEntered ? { ...letter, branch: part } : letter;
}
