import { expect, test } from 'vitest';
import { PullHealth } from '@leat/runtime';
import { type ConnectionState, healthRoutes, type ServiceState } from './health.ts';

const topology = {
  queues: ['squares', 'cubes', 'files'].map((stage) => ({
    stage,
    stream: { name: `LEAT_numbers_${stage}` },
  })),
};

function connected(isUp: boolean, ...pulled: string[]): ConnectionState {
  const health = new PullHealth();
  for (const stream of pulled) health.works(stream);
  return { link: { isUp }, health, topology };
}

const state = (changes: Partial<ServiceState>): ServiceState => ({
  connection: connected(true, 'LEAT_numbers_squares', 'LEAT_numbers_cubes'),
  stages: ['squares', 'cubes'],
  isStopping: false,
  ...changes,
});

test('a service that is connected and pulls from each of its queues is ready', () => {
  expect(healthRoutes(() => state({}))['/readyz']()).toEqual({ status: 200, text: 'ready' });
});

test('a fetcher has no queue to pull from, and is ready when it is connected', () => {
  const fetcher = state({ stages: ['numbers'], connection: connected(true) });
  expect(healthRoutes(() => fetcher)['/readyz']()).toMatchObject({ status: 200 });
});

test.each([
  { why: 'no NATS server has answered yet', changes: { connection: undefined } },
  { why: 'the connection to NATS is down', changes: { connection: connected(false) } },
  {
    why: 'it does not pull yet from LEAT_numbers_cubes',
    changes: { connection: connected(true, 'LEAT_numbers_squares') },
  },
  { why: 'it was asked to stop, and finishes what is in hand', changes: { isStopping: true } },
])('a service is alive and not ready: $why', ({ why, changes }) => {
  const routes = healthRoutes(() => state(changes));
  expect(routes['/readyz']()).toEqual({ status: 503, text: `not ready: ${why}` });
  expect(routes['/healthz']()).toEqual({ status: 200, text: 'alive' });
});
