import { LeatError } from './errors.ts';
import { formatAgeOf, FORMATS, newerVersion } from './format-version.ts';
import type { GivenParams, RunIdentity } from './run-identity.ts';

/**
 * What a sink keeps of each run that writes into it: which run that is, and the sink's own mark. A session
 * of another run with the same id is refused.
 */
export interface SinkClaim extends RunIdentity {
  readonly saver: string;
  /** Drawn by who opened the sink first. It tells two sinks apart that savers call by one name. */
  readonly sink: string;
}

/** Tells a sink from every other. */
export interface SinkIdentity {
  /** As `SinkClaim.sink`: 1 to 64 letters, digits, `-` or `_`; empty where nobody has written yet. */
  readonly mark: string;
  /** Where it is, for people; without any secret. */
  readonly place: string;
}

/** Who opens a sink. */
export interface Claimant {
  readonly identity: RunIdentity;
  readonly saver: string;
  /** Whether the operator wants to go on with what the sink has of an earlier run with this id. */
  readonly isRecovered: boolean;
}

/** One line of JSON with a version. */
export function formatSinkClaim(claim: SinkClaim): string {
  return JSON.stringify({ v: FORMATS.claim, ...claim });
}

/** The inverse of {@link formatSinkClaim}; `undefined` for anything that this version cannot have made. */
export function parseSinkClaim(text: string): SinkClaim | undefined {
  const value = jsonOf(text);
  if (typeof value !== 'object' || value === null) return undefined;
  const { v, ...claim } = value as SinkClaim & { readonly v: unknown };
  const { pipeline, run, born, createdAt, graph, saver, sink, limits, params } = claim;
  const areTexts = [pipeline, run, born, createdAt, graph, saver, sink].every(
    (each) => typeof each === 'string',
  );
  const areLimits = [limits?.chunkSize, limits?.maxBytes].every(Number.isSafeInteger);
  const areParams = typeof params === 'object' && params !== null && !Array.isArray(params);
  return v === FORMATS.claim && areTexts && areLimits && areParams ? claim : undefined;
}

/**
 * Whether a sink may be opened for a run.
 *
 * @param found the text that the sink keeps for the run's id and the saver: `undefined` if the sink has
 *   nothing of such a run; empty if it has something, written by a version of Leat that kept no claim
 * @param newSink a mark for a sink that has none yet
 * @returns the text that the sink is to keep from now on
 * @throws LeatError `sink-taken` if the sink has a run with this id that is another one, `newer-version` if a
 *   newer version of Leat has claimed it
 */
export function claimSink(found: string | undefined, claimant: Claimant, newSink: string): string {
  const { identity, saver, isRecovered } = claimant;
  const fresh = (sink: string): string => formatSinkClaim({ ...identity, saver, sink });
  if (found === undefined) return fresh(newSink);
  if (found === '') {
    if (identity.born === '' || isRecovered) return fresh(newSink);
    throw refusal(
      claimant,
      `has a run ${identity.run} without a claim: an earlier version of Leat wrote it, or the claim was removed`,
      RECOVER,
    );
  }
  const claim = parseSinkClaim(found);
  if (claim === undefined) {
    const value = jsonOf(found);
    if (formatAgeOf('claim', value) === 'newer') {
      const what = `The claim on the sink of the saver ${saver}, for the run ${identity.run},`;
      throw newerVersion('claim', what, (value as { readonly v: unknown }).v);
    }
    throw refusal(
      claimant,
      `keeps for the run ${identity.run} what this version of Leat does not understand`,
      'use the version that wrote it',
    );
  }
  if (claim.run !== identity.run) {
    throw refusal(
      claimant,
      `has the run ${claim.run}, and this is ${identity.run}`,
      'put it back to where that run has written it',
    );
  }
  if (claim.pipeline !== identity.pipeline) {
    throw refusal(
      claimant,
      `has a run ${identity.run} of the pipeline ${claim.pipeline}, and this is one of ${identity.pipeline}`,
      'choose another run id with --run',
    );
  }
  if (claim.born === identity.born) return found;
  if (!isRecovered) {
    throw refusal(
      claimant,
      `has another run ${identity.run} of this pipeline, which began at ${claim.createdAt}`,
      RECOVER,
    );
  }
  demandSameChunks(claim, claimant);
  return fresh(claim.sink);
}

/** `undefined` for what is no JSON. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const RECOVER = 'choose another run id with --run, or go on with that run with --recover';

/** A run can go on from what a sink has only if its chunk ids mean the same. */
function demandSameChunks(claim: SinkClaim, claimant: Claimant): void {
  const { graph, limits, params } = claimant.identity;
  if (claim.graph !== graph) {
    throw refusal(
      claimant,
      `has a run ${claim.run} with the graph "${claim.graph}", and the pipeline is now "${graph}"`,
      'put the stages back to go on with it, or choose another run id with --run',
    );
  }
  if (paramsText(claim.params) !== paramsText(params)) {
    throw refusal(
      claimant,
      `has a run ${claim.run} with other parameters (${paramsText(claim.params)}; now ${paramsText(params)})`,
      'give the same with --param to go on with it, or choose another run id with --run',
    );
  }
  const { chunkSize, maxBytes } = claim.limits;
  if (chunkSize !== limits.chunkSize || maxBytes !== limits.maxBytes) {
    throw refusal(
      claimant,
      `has a run ${claim.run} with chunkSize ${chunkSize} and maxBytes ${maxBytes}, and the pipeline now has ${limits.chunkSize} and ${limits.maxBytes}`,
      'put them back to go on with it, or choose another run id with --run',
    );
  }
}

/** Parameters as they are given, in one order. */
function paramsText(params: GivenParams): string {
  const given = Object.entries(params).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return given.toSorted().join(', ') || 'none';
}

function refusal({ saver }: Claimant, sentence: string, remedy: string): LeatError {
  return new LeatError('sink-taken', `The sink of the saver ${saver} ${sentence}: ${remedy}.`);
}
