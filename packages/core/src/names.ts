import { LeatError } from './errors.ts';

/** What has a name of its own. */
export type NameKind = 'pipeline' | 'stage' | 'branch' | 'run' | 'parameter';

/**
 * The grammar of each kind of name. That of pipelines and stages is at once a subject token, a part of a stream
 * name, a DNS label for Kubernetes and a metric label (after NATS ADR-6). A branch is named by a key of an object. A
 * parameter's is what `--param` can give and an object can have as a key.
 */
const GRAMMARS: Readonly<
  Record<NameKind, { readonly what: string; readonly pattern: RegExp; readonly rule: string }>
> = {
  pipeline: {
    what: 'pipeline name',
    pattern: /^[a-z][a-z0-9-]{0,30}$/,
    rule: '1 to 31 lower-case letters, digits or hyphens and begin with a letter',
  },
  stage: {
    what: 'stage name',
    pattern: /^[a-z][a-z0-9-]{0,30}$/,
    rule: '1 to 31 lower-case letters, digits or hyphens and begin with a letter',
  },
  branch: {
    what: 'name of a branch',
    pattern: /^[A-Za-z][A-Za-z0-9-]{0,30}$/,
    rule: '1 to 31 letters, digits or hyphens and begin with a letter',
  },
  run: {
    what: 'run id',
    pattern: /^[a-z0-9][a-z0-9-]{0,47}$/,
    rule: '1 to 48 lower-case letters, digits or hyphens',
  },
  parameter: {
    what: 'parameter name',
    pattern: /^(?!__proto__$)[^\s=\p{Cc}\p{Cs}\uFFFD]{1,128}$/u,
    rule: '1 to 128 characters without spaces, control characters and "=", and not __proto__',
  },
};

/** In capitals, as is the custom: so a value that is given in place of a name is found out. */
const VARIABLE = /^[A-Z_][A-Z0-9_]{0,127}$/;

/** The version token of every subject. */
const SUBJECT_ROOT = 'leat.v1';

/** Names that no stage may have, because Leat's own streams stand in their place. */
export const RESERVED_STAGE_NAMES: readonly string[] = ['receipts', 'dead'];

/**
 * Checks a name wherever one comes in: from a definition, a command, a program, or a message.
 *
 * @param name as a file in JavaScript may give it
 * @throws LeatError `invalid-name`
 */
export function checkName(kind: NameKind, name: unknown): void {
  const { what, pattern, rule } = GRAMMARS[kind];
  if (typeof name !== 'string') {
    throw new LeatError(
      'invalid-name',
      `The ${what} must be text; it is of the type ${typeof name}.`,
    );
  }
  if (!pattern.test(name)) {
    throw new LeatError('invalid-name', `The ${what} ${JSON.stringify(name)} must be ${rule}.`);
  }
  if (kind === 'stage' && RESERVED_STAGE_NAMES.includes(name)) {
    throw new LeatError(
      'invalid-name',
      `The stage name ${JSON.stringify(name)} is taken by Leat's own streams: choose another.`,
    );
  }
}

/** Whether a text can be the name of an environment variable that has a secret. */
export function isVariableName(text: string): boolean {
  return VARIABLE.test(text);
}

/**
 * A run id that sorts by time: `20261122-101500-k3f9`.
 *
 * @param isoNow the time as `Date.prototype.toISOString` gives it
 * @param random a number in [0, 1)
 */
export function newRunId(isoNow: string, random: number): string {
  const stamp = isoNow.slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
  const suffix = Math.floor(random * 36 ** 4)
    .toString(36)
    .padStart(4, '0');
  return `${stamp}-${suffix}`;
}

/** The subject of one run's messages in front of a stage. */
export function stageSubject(pipeline: string, stage: string, run: string): string {
  return `${SUBJECT_ROOT}.${pipeline}.${stage}.${run}`;
}

/**
 * The subject of the parts of one chunk in front of a join.
 *
 * @param forked the id of the chunk that was forked, and which sending of it
 */
export function partSubject(pipeline: string, stage: string, run: string, forked: string): string {
  return `${stageSubject(pipeline, stage, run)}.${forked.replaceAll('.', '_')}`;
}

/** The subject of one run's receipts. */
export function receiptsSubject(pipeline: string, run: string): string {
  return stageSubject(pipeline, 'receipts', run);
}

/** The subject of one run's dead letters. */
export function deadSubject(pipeline: string, run: string): string {
  return stageSubject(pipeline, 'dead', run);
}

/** The subject of the words on which of one run's dead letters count. */
export function settledSubject(pipeline: string, run: string): string {
  return `${deadSubject(pipeline, run)}.settled`;
}

/** The run token of a subject that {@link stageSubject} or {@link partSubject} made. */
export function runOfSubject(subject: string): string {
  return subject.split('.', 5)[4] ?? '';
}

/** The stream in front of a stage. Underscores divide, because names cannot contain them. */
export function streamName(pipeline: string, stage: string): string {
  return `leat_${pipeline}_${stage}`;
}

/** The key-value bucket (runs and their progress) and the object store (large bodies) of a pipeline. */
export function bucketName(pipeline: string): string {
  return `leat_${pipeline}`;
}

/** The durable consumer through which the fetcher of a run reads its receipts. */
export function receiptsConsumer(run: string): string {
  return `run-${run}`;
}
