import { LeatError } from '@leat/core';
import type { PoolConfig } from 'pg';
import { tlsOf } from './postgres-tls.ts';
import { isPort, readUrl } from './postgres-url.ts';

/** Variables of libpq's that say where a server is, one of which is enough. */
const PLACE_VARIABLES = ['PGHOST', 'PGPORT', 'PGUSER', 'PGDATABASE'] as const;

/** Parameters of a URL that the driver itself knows. */
const DRIVERS_OWN = /^(?:application_name|fallback_application_name|options|sslnegotiation)$/;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * How to connect: by the option `url`, else the variable `DATABASE_URL`, else libpq's own.
 *
 * @param options may have an `url` that is undefined, where the variable that it comes from is not set
 * @param owner whose options they are, for sentences
 * @throws LeatError `sink-unfit` if nothing says where, or what says it is not valid
 */
export function connectionOf(
  options: { readonly url?: string | undefined },
  env: Environment,
  owner = 'the sink',
): PoolConfig {
  if ('url' in options) {
    const { url } = options;
    if (typeof url === 'string' && url !== '') {
      return fromUrl(url.trim(), `The option "url" of ${owner}`, env);
    }
    throw unfit(
      `The option "url" of ${owner} is ${url === '' ? 'empty' : 'undefined'}. Set the variable that it comes from, or leave the option out.`,
    );
  }
  const url = env['DATABASE_URL']?.trim() ?? '';
  if (url !== '') return fromUrl(url, 'The variable DATABASE_URL', env);
  if (!PLACE_VARIABLES.some((name) => isSet(env[name]))) {
    throw unfit(
      `Nothing says where the database of ${owner} is. Give it the option "url", or set DATABASE_URL, or ${PLACE_VARIABLES.join(', ')}.`,
    );
  }
  checkPort(env);
  if (isSet(env['PGSERVICE'])) {
    throw unfit(
      `The variable PGSERVICE is not supported: give ${owner} the option "url", or set DATABASE_URL.`,
    );
  }
  return tlsOf(new Map(), env);
}

function fromUrl(url: string, what: string, env: Environment): PoolConfig {
  const { port, params, ...texts } = readUrl(url, what);
  if (port === '') checkPort(env);
  return {
    ...Object.fromEntries([...params].filter(([name]) => DRIVERS_OWN.test(name))),
    ...Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== '')),
    ...(port !== '' && { port: Number(port) }),
    ...tlsOf(params, env),
  };
}

function checkPort({ PGPORT: port }: Environment): void {
  if (isSet(port) && !isPort(port ?? '')) {
    throw unfit('The variable PGPORT is not valid: it should be a number from 1 to 65535.');
  }
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}

function unfit(sentence: string): LeatError {
  return new LeatError('sink-unfit', sentence);
}
