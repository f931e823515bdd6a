/** Who comes to a server, as its address says. A user without a password is a token, as NATS has it. */
type UrlLogin =
  | { readonly user: string; readonly password: string }
  | { readonly token: string }
  | Readonly<Record<string, never>>;

/** Servers as their addresses name them, without who comes. */
export interface Servers {
  /** `nats://host:port` each. */
  readonly addresses: readonly string[];
  readonly isTlsWanted: boolean;
  readonly login: UrlLogin;
}

const SERVER =
  /^(?:(?<scheme>nats|tls):\/\/)?(?:(?<login>[^@/?#]*)@)?(?<host>\[[0-9a-f:.]+\]|[\p{L}\p{N}._-]+)(?::(?<port>\d{1,5}))?\/?$/iu;

/**
 * Reads addresses that are separated by commas: all of them name the same user, or none.
 *
 * @returns a text that says what is wrong, without a word of what was given: it may have a password
 */
export function readServers(url: string): Servers | string {
  const found = url.split(',').map((address) => SERVER.exec(address.trim())?.groups);
  const logins = new Set(found.map((server) => server?.['login']));
  if (found.some((server) => server === undefined || !isPort(server['port']))) {
    return 'it is not one address, nor several that are separated by commas';
  }
  if (logins.size > 1) return 'it does not name the same user for each server';
  const login = loginOf(found[0]?.['login']);
  if (login === undefined) return 'a "%" in it encodes no character, which is written %25';
  return {
    addresses: found.map((server) => {
      const { scheme = 'nats', host = '', port } = server ?? {};
      return `${scheme.toLowerCase()}://${host}${port === undefined ? '' : `:${port}`}`;
    }),
    isTlsWanted: found.some((server) => server?.['scheme']?.toLowerCase() === 'tls'),
    login,
  };
}

function isPort(port: string | undefined): boolean {
  return port === undefined || (Number(port) >= 1 && Number(port) <= 65_535);
}

function loginOf(text: string | undefined): UrlLogin | undefined {
  if (text === undefined || text === '') return {};
  const colon = text.indexOf(':');
  try {
    if (colon === -1) return { token: decodeURIComponent(text) };
    const [user, password] = [text.slice(0, colon), text.slice(colon + 1)];
    return { user: decodeURIComponent(user), password: decodeURIComponent(password) };
  } catch {
    return undefined;
  }
}
