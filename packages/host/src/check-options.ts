import { demand, type Demand, demandObject, MAX_TIMER_MS } from '@leat/runtime';
import type { LocalRunOptions } from './local-run.ts';
import type { ServeOptions, ServiceOptions } from './service-options.ts';

/** More replicas of a mapper in one process are a mistake: one process has one processor's work to give. */
const MOST_MAPPERS = 1_000;

type Demands<T> = Readonly<Record<keyof T, Demand>>;

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isWhole = (value: unknown, from: number, to: number): boolean =>
  Number.isInteger(value) && Number(value) >= from && Number(value) <= to;

const AN_OBJECT: Demand = { isRight: isObject, expected: 'an object' };
const TEXT: Demand = { isRight: (value) => typeof value === 'string', expected: 'text' };
const YES_OR_NO: Demand = {
  isRight: (value) => typeof value === 'boolean',
  expected: 'true or false',
};
const A_FUNCTION: Demand = {
  isRight: (value) => typeof value === 'function',
  expected: 'a function',
};
const A_SIGNAL: Demand = {
  isRight: (value) => value instanceof AbortSignal,
  expected: 'an AbortSignal',
};

const SERVICE: Demands<ServiceOptions> = {
  connection: AN_OBJECT,
  topology: {
    isRight: (value) =>
      isObject(value) &&
      Object.values(value).every((each) => isWhole(each, 1, 2 ** 53)) &&
      isWhole((value as { ackWaitMs?: unknown }).ackWaitMs ?? 1, 1, MAX_TIMER_MS),
    expected: 'an object with whole numbers from 1, and at most 2147483647 (24 days) as ackWaitMs',
  },
  signingKeys: {
    isRight: (value) => Array.isArray(value) && value.every((each) => typeof each === 'string'),
    expected: 'a list of texts such as "id:file"',
  },
  logger: {
    isRight: (value) =>
      isObject(value) &&
      ['debug', 'info', 'warn', 'error'].every(
        (level) => typeof (value as Record<string, unknown>)[level] === 'function',
      ),
    expected: 'an object with the functions debug, info, warn and error',
  },
  log: AN_OBJECT,
  codeVersion: {
    isRight: (value) => typeof value === 'string' && /^[\w-]{1,64}$/.test(value),
    expected: '1 to 64 letters, digits, "-" or "_"',
  },
  otlpEndpoint: TEXT,
  signal: A_SIGNAL,
};

const SERVE: Demands<ServeOptions> = {
  ...SERVICE,
  roles: { isRight: Array.isArray, expected: 'a list of roles' },
  stage: TEXT,
  http: {
    isRight: (value) => isObject(value) && 'port' in value && isWhole(value.port, 0, 65_535),
    expected: 'an object with a port from 0 to 65535',
  },
  once: YES_OR_NO,
  onRunEnded: A_FUNCTION,
};

const LOCAL_RUN: Demands<LocalRunOptions> = {
  ...SERVICE,
  params: AN_OBJECT,
  secrets: AN_OBJECT,
  run: TEXT,
  recover: YES_OR_NO,
  new: YES_OR_NO,
  mappers: {
    isRight: (value) => isWhole(value, 1, MOST_MAPPERS),
    expected: `a whole number from 1 to ${MOST_MAPPERS}`,
  },
  stateDir: {
    isRight: (value) => typeof value === 'string' && value !== '',
    expected: 'the path of a folder',
  },
  onProgress: A_FUNCTION,
  abort: A_SIGNAL,
};

/** @throws LeatError `invalid-configuration` */
export function checkServeOptions(options: ServeOptions): void {
  check(options, SERVE);
}

/** @throws LeatError `invalid-configuration` */
export function checkLocalRunOptions(options: LocalRunOptions): void {
  check(options, LOCAL_RUN);
}

function check<T extends object>(options: T, demands: Demands<T>): void {
  demandObject('What a call is given as options', options);
  for (const name of Object.keys(demands) as (keyof T & string)[]) {
    if (options[name] !== undefined) demand(`The option ${name}`, options[name], demands[name]);
  }
}
