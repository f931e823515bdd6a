import { LeatError } from './errors.ts';
import type { PipelineSpec } from './spec.ts';

/** Something that Leat writes, on the wire or on disk, and reads back, perhaps by another version of itself. */
export type Format =
  /** A chunk on its queue: the header `Leat-Format`. */
  | 'chunk'
  /** A message of receipts: the same header. */
  | 'receipts'
  /**
   * What a run was asked to do, in the pipeline's bucket: the field `v`, as in every entry below. Version 2 has inline
   * stages: a reader of version 1 would look for their queues, and take their redriven records for its own. Version 3
   * has routes, and stages that read several: a reader of version 2 knows neither.
   */
  | 'request'
  /** How far a run has come: lease and ledger. */
  | 'progress'
  /** What the operator wants of a run. Version 1 is a JSON string. */
  | 'wish'
  /** Which dead letters are to be tried again. */
  | 'redrive'
  /** What the replicas note about a run. */
  | 'note'
  /** A dead letter: the field `v`. */
  | 'letter'
  /** What a sink keeps of each run that writes into it: the field `v`. */
  | 'claim'
  /** How chunks are laid out in an NDJSON folder: the field `layout` of its claim. */
  | 'folder'
  /** A journal of the NDJSON folder: its first line. */
  | 'journal'
  /** The tables that SQL sinks share: the comment on the table of receipts. */
  | 'tables'
  /** What a stage keeps in its state store: the field `v` beside the value. */
  | 'state'
  /** The tables of the PostgreSQL stores: the comment on the table of state. */
  | 'stores';

/**
 * The version of each format that this version of Leat writes. A number rises only when an older reader
 * would misunderstand what is written; a new field that it may leave alone is no reason. What has no version
 * was written before there were any.
 */
export const FORMATS: Readonly<Record<Format, number>> = {
  chunk: 1,
  receipts: 1,
  request: 3,
  progress: 1,
  wish: 1,
  redrive: 1,
  note: 1,
  letter: 1,
  claim: 1,
  folder: 2,
  journal: 2,
  tables: 1,
  state: 1,
  stores: 1,
};

/**
 * The version in which a value is written: the oldest whose readers understand it, so that old and new services can
 * share what has nothing new.
 */
export function writtenVersion(format: Format, value: object): number {
  if (format !== 'request') return FORMATS[format];
  const { stages = [] } = (value as { readonly spec?: PipelineSpec }).spec ?? {};
  if (stages.some(({ from, to }) => typeof from === 'object' || to !== undefined))
    return FORMATS.request;
  return stages.some(({ inline }) => inline === true) ? 2 : 1;
}

/** How what was found stands to what this version of Leat writes. */
export type FormatAge = 'older' | 'mine' | 'newer';

/**
 * Judges a version that was found: a number, or its digits. What is absent (`undefined`, `null` or empty) is
 * older than any version; what is no whole number from 0 on is newer, for this version cannot know what it is.
 */
export function formatAge(format: Format, found: unknown): FormatAge {
  if (found === undefined || found === null || found === '') return 'older';
  const version = typeof found === 'string' && /^\d+$/.test(found) ? Number(found) : found;
  const mine = FORMATS[format];
  if (!Number.isSafeInteger(version) || (version as number) < 0) return 'newer';
  if (version === mine) return 'mine';
  return (version as number) < mine ? 'older' : 'newer';
}

/** Judges plain JSON that has its version in the field `v`; what is no object has none. */
export function formatAgeOf(format: Format, value: unknown): FormatAge {
  return formatAge(format, fieldsOf(value)['v']);
}

/**
 * What to say of something that only a newer version of Leat can read. It is left as it is.
 *
 * @param what the beginning of a sentence: `The entry progress.r1`
 */
export function newerVersion(format: Format, what: string, found: unknown): LeatError {
  const version = typeof found === 'number' ? `${found}` : JSON.stringify(found);
  return new LeatError(
    'newer-version',
    `${what} has version ${version} of its format, and this version of Leat reads it up to ${FORMATS[format]}: ` +
      'a newer Leat wrote it. Upgrade this service, or leave the work to services of the newer version.',
  );
}

/** Whether something was refused because only a newer version of Leat can read it. */
export function isNewerVersion(error: unknown): error is LeatError {
  return error instanceof LeatError && error.code === 'newer-version';
}

/**
 * The fields of a plain object that this version does not know, to be written back with it: a newer
 * version of Leat may have put them there.
 *
 * @param known the names of those that it knows
 */
export function unknownFields(
  value: unknown,
  known: Readonly<Record<string, true>>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fieldsOf(value)).filter(([name]) => !Object.hasOwn(known, name)),
  );
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
