import { LeatError } from '@leat/core';

/** What libpq takes and the driver does not: to ignore it would connect as somebody else, or in another way. */
const NOT_TAKEN =
  /^(?:service|passfile|hostaddr|require_auth|requirepeer|gssencmode|sslcrl|sslcrldir)$/;

const ADVICE =
  'It should be postgres://user:password@host:port/database, with other characters than letters and digits in ' +
  'user and password percent-encoded.';

/** The parts of a URL that the sink uses; empty where the URL has none. */
export interface PostgresUrl {
  readonly user: string;
  readonly password: string;
  readonly host: string;
  readonly port: string;
  readonly database: string;
  readonly params: ReadonlyMap<string, string>;
}

type Part = 'hostname' | 'username' | 'password' | 'port' | 'pathname' | 'search' | 'hash';
type Parsed = Pick<URL, Part | 'searchParams'>;

/**
 * Takes the URL of a database apart, and not as the driver does, which guesses what is not valid. No sentence quotes
 * it: it may have a password.
 *
 * @param what it is, for the sentence
 * @throws LeatError `sink-unfit` if it is not valid
 */
export function readUrl(url: string, what: string): PostgresUrl {
  const parsed = parse(url, what);
  const params = new Map(parsed.searchParams);
  const part = (name: string, key: string, text: string): string =>
    params.get(key) ?? decoded(text, name, what);
  const read = {
    user: part('user', 'user', parsed.username),
    password: part('password', 'password', parsed.password),
    host: part('host', 'host', parsed.hostname.replace(/^\[(.+)\]$/, '$1')),
    port: part('port', 'port', parsed.port),
    database: part('database', 'dbname', parsed.pathname.slice(1)),
    params,
  };
  const other = [...params.keys()].find((name) => NOT_TAKEN.test(name));
  if (other !== undefined) throw invalid(what, `the parameter ${other} is not supported`);
  if (read.port !== '' && !isPort(read.port)) {
    throw invalid(what, 'its port is not a number from 1 to 65535');
  }
  return read;
}

/** Whether a text is the number of a port. */
export function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
}

function parse(url: string, what: string): Parsed {
  if (!/^postgres(?:ql)?:\/\//i.test(url)) {
    throw invalid(what, 'it does not begin with postgres://');
  }
  if (/[\t\n\r]/.test(url)) throw invalid(what, 'it has a line break or a tab');
  const parsed = URL.canParse(url) ? new URL(url) : parseWithoutHost(url);
  if (parsed === undefined) throw invalid(what, 'it cannot be read');
  if (isCut(parsed)) throw invalid(what, 'a "/", "?" or "#" ends its host too early');
  if (parsed.hostname.includes(',')) {
    throw invalid(what, 'it names several hosts, and one is needed');
  }
  return parsed;
}

/** An empty host behind a user, for which a variable stands or a socket, is nothing that the standard knows. */
function parseWithoutHost(url: string): Parsed | undefined {
  const withHost = url.replace('@/', '@host/');
  if (withHost === url || !URL.canParse(withHost)) return undefined;
  const { username, password, port, pathname, search, hash, searchParams } = new URL(withHost);
  return { username, password, hostname: '', port, pathname, search, hash, searchParams };
}

/** Whether what follows the host looks as if it were the rest of a password. */
function isCut({ pathname, search, hash, searchParams: given }: Parsed): boolean {
  const isAccount = given.has('user') || given.has('password');
  return hash !== '' || pathname.includes('@') || (search.includes('@') && !isAccount);
}

function decoded(part: string, name: string, what: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw invalid(what, `its ${name} has a "%" that encodes no character, which is written %25`);
  }
}

function invalid(what: string, why: string): LeatError {
  return new LeatError('sink-unfit', `${what} is not valid: ${why}. ${ADVICE}`);
}
