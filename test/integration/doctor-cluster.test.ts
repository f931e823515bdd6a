import type { JetStreamManager } from '@nats-io/jetstream';
import { describe, expect, test } from 'vitest';
import { doctor } from '../support/doctor.ts';
import { freePort } from '../support/free-port.ts';
import { lineSpec, openPipeline, startServer } from '../support/jetstream.ts';
import { until } from '../support/until.ts';

describe('in a cluster', () => {
  test('copies are wanted, and those that are away are told', async () => {
    const names = ['one', 'two', 'three'];
    const ports = await Promise.all(names.map(freePort));
    const routes = ports.map((port) => `nats-route://127.0.0.1:${port}`).join(', ');
    const servers = await Promise.all(
      names.map((name, at) =>
        startServer(undefined, {
          config: `server_name: ${name}\ncluster { name: c, listen: "127.0.0.1:${ports[at]}", routes: [${routes}] }`,
        }),
      ),
    );
    const url = servers.map((server) => server.url).join(',');
    const manager = await untilOpen(url, 'safe', 3);
    await openPipeline({ url }, lineSpec('single'));
    let seen = await doctor(url);
    await until('every copy is there', async () => {
      seen = await doctor(url);
      return !seen.found.some((line) => line.startsWith('replica-offline'));
    });
    expect({ code: seen.code, found: seen.found.toSorted() }).toEqual({
      code: 1,
      found: ['KV_leat_single', 'dead', 'out', 'receipts', 'work'].map((name) =>
        name === 'KV_leat_single'
          ? `few-replicas stream ${name}`
          : `few-replicas stream leat_single_${name}`,
      ),
    });

    const { cluster } = await manager.streams.info('leat_single_work');
    await servers[names.indexOf(cluster?.leader ?? '')]?.kill();
    const alive = servers.filter((_, at) => names[at] !== cluster?.leader);
    await until(
      'the server that is gone is told',
      async () => {
        const later = await doctor(alive.map((server) => server.url).join(','));
        return (
          later.found.includes('stream-unavailable stream leat_single_work') &&
          later.found.includes('replica-offline stream leat_safe_work')
        );
      },
      60_000,
    );
  }, 180_000);
});

/** Opens a pipeline as soon as the servers have found each other. */
async function untilOpen(url: string, name: string, replicas: number): Promise<JetStreamManager> {
  let manager: JetStreamManager | undefined;
  await until(
    'the cluster is ready',
    async () => {
      manager = await openPipeline({ url }, lineSpec(name), { replicas }).then(
        ({ connection }) => connection.manager,
        () => undefined,
      );
      return manager !== undefined;
    },
    60_000,
  );
  return manager as JetStreamManager;
}
