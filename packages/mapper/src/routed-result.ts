import type { Origins } from '@leat/core';
import { type DeadRecord, textsOf } from '@leat/runtime';
import { linesOf } from '@leat/sdk';
import { type Job, type JobResult, positionOf, type ResultPiece } from './job.ts';
import { deadRecord } from './dead-record.ts';
import type { Outcome } from './outcome.ts';

/** The records that go to one branch. */
interface Branch {
  /** Their places in the chunk. */
  readonly places: number[];
  /** Whether one of them is not as it arrived. */
  isChanged: boolean;
}

/**
 * Puts together what goes to each branch of a route. A record that goes to several is copied.
 *
 * @param to the branches of the route, in their order
 */
export function routedResultOf(
  job: Job,
  to: readonly string[],
  outcomes: readonly Outcome[],
): JobResult {
  const branches = new Map<string, Branch>(
    to.map((name) => [name, { places: [], isChanged: false }]),
  );
  const dead: DeadRecord[] = [];
  let arrived: readonly string[] | undefined;
  let [expanded, filtered] = [0, 0];
  for (const [place, outcome] of outcomes.entries()) {
    if (typeof outcome === 'object' && 'branches' in outcome) {
      expanded += outcome.branches.length - 1;
      for (const name of outcome.branches) {
        const branch = branches.get(name) as Branch;
        branch.places.push(place);
        branch.isChanged ||= outcome.line !== undefined;
      }
    } else if (typeof outcome === 'object' && 'error' in outcome) {
      arrived ??= textsOf(job.body);
      const position = positionOf(job, place);
      dead.push(deadRecord(place, position, arrived[place] ?? '', outcome));
    } else {
      filtered++;
    }
  }
  const pieces = [...branches].flatMap(([name, branch]): ResultPiece[] =>
    branch.places.length === 0
      ? []
      : [{ ...pieceOf(job, branch, outcomes), branch: name, places: branch.places }],
  );
  return { pieces, expanded, filtered, dead, retries: 0, recovered: 0 };
}

/** What nobody changed is not written anew, and what all goes one way is not even copied. */
function pieceOf(
  job: Job,
  { places, isChanged }: Branch,
  outcomes: readonly Outcome[],
): ResultPiece {
  const origins: Origins = places.map((place) => job.origins?.[place] ?? place);
  const records = places.length;
  if (records === job.records && !isChanged) return { body: job.body, records, origins };
  const lines = linesOf(job.body);
  const body = Buffer.concat(
    places.map((place) => {
      const { line } = outcomes[place] as { readonly line?: string };
      return line === undefined ? (lines[place] as Uint8Array) : Buffer.from(`${line}\n`);
    }),
  );
  return { body, records, origins };
}
