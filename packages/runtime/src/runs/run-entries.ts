import {
  isVariableName,
  type RedriveWish,
  type RunProgress,
  type RunRequest,
  type RunState,
  type RunWish,
  type SinkIdentity,
  type Trouble,
} from '@leat/core';

/**
 * What stands in a pipeline's bucket is checked before it is believed: others may be allowed to write there.
 * What is not of the right shape is as good as not there.
 */
export type Shape<T> = (value: unknown) => value is T;

const STATES: Readonly<Record<RunState, true>> = {
  pending: true,
  running: true,
  paused: true,
  completed: true,
  'completed with dead letters': true,
  failed: true,
  cancelled: true,
};
const WISHES: Readonly<Record<RunWish, true>> = { run: true, pause: true, cancel: true };

export const isRunWish: Shape<RunWish> = (value): value is RunWish =>
  typeof value === 'string' && Object.hasOwn(WISHES, value);

export const isRedriveWish: Shape<RedriveWish> = (value): value is RedriveWish => {
  const { upTo, index, chunk, stage, error } = fieldsOf(value);
  return (
    isCount(upTo) &&
    (index === undefined || isCount(index)) &&
    [chunk, stage, error].every((text) => text === undefined || typeof text === 'string')
  );
};

export const isRunRequest: Shape<RunRequest> = (value): value is RunRequest => {
  const { run, pipeline, params, spec, createdAt, born, limits, secrets } = fieldsOf(value);
  const { name, stages } = fieldsOf(spec);
  const { chunkSize, maxBytes } = fieldsOf(limits);
  return (
    (born === undefined || (typeof born === 'string' && /^[0-9a-f]{13}$/.test(born))) &&
    (limits === undefined ||
      [chunkSize, maxBytes].every((limit) => isCount(limit) && limit !== 0)) &&
    [run, pipeline, createdAt, name].every((text) => typeof text === 'string') &&
    Object.values(fieldsOf(params)).every((text) => typeof text === 'string') &&
    (secrets === undefined || areVariables(secrets)) &&
    Array.isArray(stages) &&
    stages.every((stage) => typeof fieldsOf(stage)['name'] === 'string')
  );
};

export const isRunProgress: Shape<RunProgress> = (value): value is RunProgress => {
  const { state, fence, startedAt, updatedAt, ledger, sinks, versions } = fieldsOf(value);
  const { watermark, next, settledAbove, partly, redrives, totals, digest, source } =
    fieldsOf(ledger);
  const { savedChunks, deadChunks, duplicates, counts } = fieldsOf(totals);
  const { in: taken, expanded, filtered, dead, retries } = fieldsOf(counts);
  const numbers = [fence, watermark, next, savedChunks, deadChunks, duplicates];
  return (
    [state, startedAt, updatedAt, digest].every((text) => typeof text === 'string') &&
    Object.hasOwn(STATES, state as string) &&
    [...numbers, taken, expanded, filtered, dead, retries].every(isCount) &&
    (source === undefined || isCount(fieldsOf(source)['sum'])) &&
    Object.values(fieldsOf(sinks)).every(isSinkIdentity) &&
    Object.values(fieldsOf(versions)).every(Array.isArray) &&
    Array.isArray(settledAbove) &&
    settledAbove.every((range) => Array.isArray(range) && range.every(isCount)) &&
    [...Object.values(fieldsOf(partly)), ...Object.values(fieldsOf(redrives))].every((part) =>
      Array.isArray(fieldsOf(part)['paths']),
    )
  );
};

/** What a stage of which the key tells the name says of its trouble. */
export const isTrouble: Shape<Omit<Trouble, 'stage'>> = (
  value,
): value is Omit<Trouble, 'stage'> => {
  const { reason, at } = fieldsOf(value);
  return typeof reason === 'string' && typeof at === 'string' && !Number.isNaN(Date.parse(at));
};

export const isSinkIdentity: Shape<SinkIdentity> = (value): value is SinkIdentity => {
  const { mark, place } = fieldsOf(value);
  return typeof mark === 'string' && /^[\w-]{1,64}$/.test(mark) && typeof place === 'string';
};

/** Also the service's own variables are read by these names: they are no more than what `--secret` takes. */
function areVariables(value: unknown): boolean {
  const names = typeof value === 'object' && value !== null ? Object.values(value) : [undefined];
  return names.every((name) => typeof name === 'string' && isVariableName(name));
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
