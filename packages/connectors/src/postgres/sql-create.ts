import { FORMATS } from '@leat/core';
import { identifier, type Tables } from './sql-statements.ts';

export function createRecords({ records, columns }: Tables): string {
  const fields = columns.map(
    ({ name, type, isNullable }) => `${identifier(name)} ${type}${isNullable ? '' : ' NOT NULL'}`,
  );
  return `CREATE TABLE ${records} (
    _run text NOT NULL, _chunk text NOT NULL, _index integer NOT NULL,
    ${fields.join(',\n    ')},
    PRIMARY KEY (_run, _chunk, _index))`;
}

/**
 * `ordinal` holds the numbers of the chunk id, see `ordinalOf`: PostgreSQL compares arrays just as chunk
 * ids are ordered, so that its index gives receipts in dataset order.
 */
export function createReceipts({ receipts }: Tables): string {
  return `CREATE TABLE ${receipts} (
    target text NOT NULL, run text NOT NULL, saver text NOT NULL, chunk text NOT NULL, ordinal bigint[] NOT NULL,
    records_in bigint NOT NULL, expanded bigint NOT NULL, filtered bigint NOT NULL,
    dead bigint NOT NULL, retries bigint NOT NULL, digest text NOT NULL,
    fence bigint NOT NULL, buried text NOT NULL, source text NOT NULL,
    committed_at timestamp with time zone NOT NULL DEFAULT now(),
    PRIMARY KEY (target, run, saver, chunk))`;
}

/** Says of which version the tables are that all tables of a schema share. */
export function describeReceipts({ receipts }: Tables): string {
  return `COMMENT ON TABLE ${receipts} IS 'leat format ${FORMATS.tables}'`;
}

/** Not unique: a second unique index would refuse at random what ON CONFLICT on the first lets pass. */
export function indexReceipts({ receipts }: Tables): string {
  return `CREATE INDEX ON ${receipts} (target, run, saver, ordinal)`;
}

/** For each saver of a run: the highest fence under which it was opened, and which run that is. */
export function createFences({ fences }: Tables): string {
  return `CREATE TABLE ${fences} (
    target text NOT NULL, run text NOT NULL, saver text NOT NULL, fence bigint NOT NULL,
    claim text NOT NULL, PRIMARY KEY (target, run, saver))`;
}

/** What each chunk's records looked like when they were saved, to find what was altered since. */
export function createChecksums({ checksums }: Tables): string {
  return `CREATE TABLE ${checksums} (target text NOT NULL, run text NOT NULL, saver text NOT NULL,
    chunk text NOT NULL, md5 text NOT NULL, PRIMARY KEY (target, run, saver, chunk))`;
}
