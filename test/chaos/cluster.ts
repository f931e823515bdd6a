import { type NatsServer, startNatsServer } from '@leat/nats-server';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { onTestFinished } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';

const NAMES = ['one', 'two', 'three'] as const;

interface ClusterNode {
  readonly name: string;
  readonly server: NatsServer;
}

/** Three servers with routes between them, which keep three copies of each stream. */
export interface Cluster {
  readonly nodes: readonly ClusterNode[];
  /** For `NATS_URL`. */
  readonly url: string;
  /** The node that leads a stream; asked of another node than `except`. */
  readonly leaderOf: (stream: string) => Promise<ClusterNode>;
  /** Waits until every copy of every stream is up to date. */
  readonly untilCurrent: () => Promise<void>;
}

/** The configuration of one node. */
export function nodeConfig(name: string, listen: string, routes: readonly string[]): string {
  const urls = routes.map((route) => `nats-route://${route}`).join(', ');
  return [
    `server_name: ${name}`,
    `cluster { name: chaos, listen: "${listen}", routes: [${urls}] }`,
    // The shortest that it takes; a node with few clients is through with it in seconds.
    'lame_duck_duration: "30s"',
    'lame_duck_grace_period: "1s"',
  ].join('\n');
}

export async function startCluster(): Promise<Cluster> {
  const ports = await Promise.all(NAMES.map(freePort));
  const routes = ports.map((port) => `127.0.0.1:${port}`);
  const nodes = await Promise.all(
    NAMES.map(async (name, at) => {
      const config = nodeConfig(name, routes[at] ?? '', routes);
      const server = await startNatsServer({ config });
      onTestFinished(() => server.stop());
      return { name, server };
    }),
  );
  const url = nodes.map(({ server }) => server.url).join(',');
  const ask = async <T>(
    question: (manager: Awaited<ReturnType<typeof jetstreamManager>>) => Promise<T>,
  ): Promise<T> => {
    const connection = await connect({ servers: url.split(','), timeout: 5_000 });
    try {
      return await question(await jetstreamManager(connection, { timeout: 5_000 }));
    } finally {
      await connection.close();
    }
  };
  return {
    nodes,
    url,
    leaderOf: async (stream) => {
      let leader: ClusterNode | undefined;
      await until(
        `${stream} has a leader`,
        async () => {
          const info = await ask((manager) => manager.streams.info(stream)).catch(() => undefined);
          leader = nodes.find(({ name }) => name === info?.cluster?.leader);
          return leader !== undefined;
        },
        120_000,
      );
      return leader as ClusterNode;
    },
    untilCurrent: () =>
      until(
        'every copy is up to date',
        () =>
          ask(async (manager) => {
            for await (const { cluster } of manager.streams.list()) {
              const copies = cluster?.replicas ?? [];
              if (cluster?.leader === undefined || copies.length < nodes.length - 1) return false;
              if (copies.some(({ current, offline }) => !current || offline)) return false;
            }
            return true;
          }).catch(() => false),
        120_000,
      ),
  };
}
