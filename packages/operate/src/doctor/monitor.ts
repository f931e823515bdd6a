import { LeatError, messageOf } from '@leat/core';
import { shownAddress } from '@leat/runtime';
import { type SeenMonitor } from './seen.ts';

const TIMEOUT_MS = 5_000;

/** What Leat reads of a server's `/varz`. */
interface Varz {
  readonly server_id?: string;
  readonly server_name?: string;
  readonly version?: string;
  readonly jetstream?: {
    readonly config?: {
      readonly max_storage?: number;
      /** In nanoseconds. */
      readonly sync_interval?: number;
      readonly sync_always?: boolean;
    } | null;
    readonly stats?: { readonly storage?: number } | null;
  };
}

/** @throws LeatError `invalid-configuration` if an address cannot be one of monitoring, or names a user */
export function checkMonitors(urls: readonly string[]): void {
  for (const url of urls) {
    const { protocol, username, password, search, hash } = URL.parse(url) ?? {};
    const isHttp = protocol === 'http:' || protocol === 'https:';
    if (isHttp && [username, password, search, hash].every((part) => part === '')) continue;
    throw new LeatError(
      'invalid-configuration',
      `The address of a monitoring endpoint (--monitor) must be http://host:port, without a user, a password or a query; it is ${shownAddress(url)}.`,
    );
  }
}

/** Asks a server's monitoring endpoint, such as `http://127.0.0.1:8222`, for what NATS itself does not tell. */
export async function readMonitor(url: string): Promise<SeenMonitor> {
  try {
    const base = url.endsWith('/') ? url : `${url}/`;
    const answer = await fetch(new URL('varz', base), { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!answer.ok) return { url, failure: `it answers ${answer.status}` };
    const varz = (await answer.json()) as Varz;
    const { version, server_name: name = varz.server_id } = varz;
    if (version === undefined || name === undefined) {
      return { url, failure: 'its /varz is not that of a NATS server' };
    }
    return { url, server: { name, version, ...jetStreamOf(varz) } };
  } catch (error) {
    const cause = (error as { readonly cause?: unknown }).cause ?? error;
    return { url, failure: `it does not answer (${messageOf(cause)})` };
  }
}

function jetStreamOf({ jetstream }: Varz): Partial<NonNullable<SeenMonitor['server']>> {
  const { config, stats } = jetstream ?? {};
  if (!config) return {};
  return {
    syncIntervalMs: config.sync_always === true ? 0 : (config.sync_interval ?? 0) / 1_000_000,
    storage: { used: stats?.storage ?? 0, limit: config.max_storage ?? 0 },
  };
}
