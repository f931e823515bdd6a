import { join } from 'node:path';
import { type NatsServer, startNatsServer } from '@leat/nats-server';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from '../../test/support/free-port.ts';

const START_MS = 60_000;

/** Some nats-servers with a port each that tells what they have done. */
export interface Servers {
  /** For `NATS_URL`. */
  readonly url: string;
  readonly pids: readonly number[];
  /** What all of them have received and sent so far, in bytes: from and to clients, and among themselves. */
  readonly traffic: () => Promise<{ readonly clients: number; readonly routes: number }>;
  readonly stop: () => Promise<void>;
}

/** As `leat dev` starts them; more than one are a cluster. */
export async function startServers(dir: string, count: number): Promise<Servers> {
  const ports = await Promise.all(
    Array.from({ length: count }, async () => ({
      route: await freePort(),
      monitor: await freePort(),
    })),
  );
  const routes = ports.map(({ route }) => `nats-route://127.0.0.1:${route}`).join(', ');
  const servers: NatsServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  try {
    for (const [at, { route, monitor }] of ports.entries()) {
      const config = [`http: "127.0.0.1:${monitor}"`, `server_name: node-${at}`];
      if (count > 1) {
        config.push(`cluster { name: bench, listen: "127.0.0.1:${route}", routes: [${routes}] }`);
      }
      const storeDir = join(dir, `nats-${at}`);
      servers.push(await startNatsServer({ storeDir, config: config.join('\n') }));
    }
    const url = servers.map((server) => server.url).join(',');
    await untilReady(url);
    return {
      url,
      pids: servers.map(({ pid }) => pid),
      traffic: () => trafficOf(ports.map(({ monitor }) => monitor)),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A cluster has to choose who leads it before it makes streams. */
async function untilReady(url: string): Promise<void> {
  const connection = await connect({ servers: url.split(',') });
  try {
    for (const deadline = Date.now() + START_MS; ;) {
      try {
        await jetstreamManager(connection, { timeout: 1_000 });
        return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await wait(100);
      }
    }
  } finally {
    await connection.close();
  }
}

async function trafficOf(
  monitors: readonly number[],
): Promise<{ clients: number; routes: number }> {
  let all = 0;
  let routes = 0;
  for (const port of monitors) {
    const whole = await bytesAt(port, 'varz');
    const among = await bytesAt(port, 'routez');
    all += whole;
    routes += among;
  }
  return { clients: all - routes, routes };
}

interface Told {
  readonly in_bytes?: number;
  readonly out_bytes?: number;
  readonly routes?: readonly Told[];
}

async function bytesAt(port: number, page: 'varz' | 'routez'): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}/${page}`);
  const told = (await answer.json()) as Told;
  return (page === 'varz' ? [told] : (told.routes ?? [])).reduce(
    (sum, { in_bytes = 0, out_bytes = 0 }) => sum + in_bytes + out_bytes,
    0,
  );
}
