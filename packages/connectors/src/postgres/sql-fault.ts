import { LeatError, messageOf } from '@leat/core';
import { errorCode } from '../sink/error-code.ts';

/**
 * Classes and codes of SQLSTATE that say that the server cannot do it now: connections (08), the state of the
 * transaction, as of a standby that only reads (25), what a pooler has forgotten (26, 3B), deadlocks and
 * serialization (40), disk, memory and connections (53), what an operator does (57), the system (58, F0), locks
 * and objects in use, and damage of the server's files.
 */
const AWAY_STATE = /^(?:(?:08|25|26|3B|40|53|57|58|F0)...|55006|55P03|55P04|XX001|XX002)$/;

/** What the system says of a connection, or of a disk. A name that is not known may be one of a container to come. */
const AWAY_CODES = new Set([
  'EADDRNOTAVAIL',
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'EMFILE',
  'ENETDOWN',
  'ENETUNREACH',
  'ENFILE',
  'ENOBUFS',
  'ENOTFOUND',
  'EPIPE',
  'EDQUOT',
  'EIO',
  'ENOSPC',
  'ETIMEDOUT',
]);

/** What the driver says of a connection, without a code. */
const AWAY_MESSAGE =
  /terminated|timeout|not queryable|after calling end|error establishing an SSL connection/i;

/** What the driver says if the server asks for a password and none was given. */
const NO_PASSWORD = /client password must be a/;

/** How much a dead letter keeps of what the database says of a row. */
const MAX_DETAIL = 1000;

/** The SQLSTATE of an error that the database told; empty if it did not come from there. */
export function sqlState(error: unknown): string {
  const isTold = typeof error === 'object' && error !== null && 'severity' in error;
  return isTold ? errorCode(error) : '';
}

/**
 * Whether an error says that the database is away or busy, which waiting mends. Everything else is decided by
 * trying, see `tryOut`.
 */
export function isAway(error: unknown): boolean {
  const state = sqlState(error);
  if (state === '') {
    const code = errorCode(error);
    const isNoSocket = code === 'ENOENT' && text(error, 'syscall') === 'connect';
    return (
      isNoSocket || AWAY_CODES.has(code) || (code === '' && AWAY_MESSAGE.test(messageOf(error)))
    );
  }
  // A trigger of the user's may raise any code. Of these, only "try again" means what it says.
  const isRaised = text(error, 'routine') === 'exec_stmt_raise' && !state.startsWith('40');
  return AWAY_STATE.test(state) && !isRaised;
}

/**
 * Whether a statement took longer than the server's `statement_timeout`. An operator who ends one says the same, and a
 * trigger that raises the code does not.
 */
export function isTimeout(error: unknown): boolean {
  return sqlState(error) === '57014' && isAway(error);
}

/** What the database says of a record, with all that helps to find the reason. */
export function reasonOf(error: unknown): string {
  const [detail, column, constraint] = ['detail', 'column', 'constraint'].map((key) =>
    text(error, key),
  );
  const state = sqlState(error);
  const where = [
    ...(column === undefined ? [] : [`column ${column}`]),
    ...(constraint === undefined ? [] : [`constraint ${constraint}`]),
    ...(state === '' ? [] : [`SQLSTATE ${state}`]),
  ].join(', ');
  const more = detail === undefined ? '' : `: ${detail.slice(0, MAX_DETAIL)}`;
  return `${messageOf(error)}${more}${where === '' ? '' : ` (${where})`}`;
}

/** What the sink says if not even an empty commit can work, for a reason that waiting does not mend. */
export function unfitDatabase(table: string, error: unknown): LeatError {
  const reason = NO_PASSWORD.test(messageOf(error))
    ? 'the server asks for a password, and the sink has none'
    : reasonOf(error);
  const what =
    sqlState(error) === ''
      ? 'The sink cannot use its database'
      : `The database does not let the sink use the table ${table}`;
  const sentence = `${what}: ${reason}. Mend that, and start the saver again.`;
  return new LeatError('sink-unfit', sentence, { cause: error });
}

function text(error: unknown, key: string): string | undefined {
  const value = (error as Readonly<Record<string, unknown>> | null)?.[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
