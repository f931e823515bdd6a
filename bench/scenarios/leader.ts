import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { type Servers, startServers } from '../brokers/nats-cluster.ts';
import { figure } from '../measure/table.ts';
import type { Scenario } from '../scenario.ts';

const SIZES = [
  { bytes: 20_600, messages: 5_000 },
  { bytes: 206_000, messages: 1_000 },
];
const MAX_PUBLISHES = 100;
/** Bytes of a ledger's entry, of which every replica reads the fence; 0 is a wish that nobody has written. */
const ENTRIES = [0, 13_000, 122_000];
const READS = 2_000;
const READS_AT_ONCE = 20;
/** The unit of time in /proc. */
const TICKS_PER_SECOND = 100;

/** What `docs/scale.md` reckons with, beside `copies`. */
export const leader: Scenario = {
  name: 'leader',
  about:
    'What does the server that leads a stream do for a message, and for a look into the bucket?',
  isQuick: false,
  run: async (bench) => {
    const messages: (readonly number[])[] = [];
    const reads: (readonly number[])[] = [];
    for (const count of [1, 3]) {
      const servers = await startServers(join(bench.workDir, `leader-${count}`), count);
      const client = await connect({ servers: servers.url.split(','), noAsyncTraces: true });
      try {
        for (const size of SIZES) messages.push(await moveMessages(servers, client, size));
        for (const bytes of ENTRIES) reads.push(await readEntry(servers, client, bytes));
      } finally {
        await client.close();
        await servers.stop();
      }
    }
    const tables = [
      {
        title: 'A message that is published, pulled and acknowledged',
        head: ['copies', 'bytes', 'messages/s', 'busiest server, CPU µs', 'all servers, CPU µs'],
        rows: messages.map(formatted),
      },
      {
        title: 'A read of an entry from the leader of its bucket',
        head: ['copies', 'bytes', 'all servers, CPU µs'],
        rows: reads.map(formatted),
      },
    ];
    return { tables, data: { messages, reads } };
  },
};

async function moveMessages(
  { pids }: Servers,
  client: NatsConnection,
  { bytes, messages }: (typeof SIZES)[number],
): Promise<number[]> {
  const manager = await jetstreamManager(client, { timeout: 30_000 });
  const name = `queue-${bytes}`;
  await manager.streams.add({
    name,
    subjects: [name],
    retention: 'workqueue',
    storage: 'file',
    discard: 'new',
    num_replicas: pids.length,
  });
  await manager.consumers.add(name, { durable_name: 'all', ack_policy: 'explicit' });
  const js = jetstream(client, { timeout: 60_000 });
  // Not all the same: servers compress what they send each other.
  const body = new Uint8Array(bytes).map((_, at) => 32 + ((at * 7_919) % 90));
  const before = await cpuOf(pids);
  const from = performance.now();
  const consumer = await js.consumers.get(name, 'all');
  const pulled = await consumer.consume({ max_messages: 200 });
  const isDone = (async () => {
    let count = 0;
    for await (const message of pulled) {
      message.ack();
      if (++count === messages) return;
    }
  })();
  const onTheirWay = new Set<Promise<unknown>>();
  for (let at = 0; at < messages; at++) {
    const sent = js.publish(name, body);
    onTheirWay.add(sent);
    void sent.finally(() => onTheirWay.delete(sent));
    if (onTheirWay.size >= MAX_PUBLISHES) await Promise.race(onTheirWay);
  }
  await Promise.all([...onTheirWay, isDone]);
  const seconds = (performance.now() - from) / 1_000;
  const used = (await cpuOf(pids)).map((cpu, at) => cpu - (before[at] ?? 0));
  const micros = used.map((cpuSeconds) => (cpuSeconds * 1e6) / messages);
  return [pids.length, bytes, messages / seconds, Math.max(...micros), sumOf(micros)];
}

async function readEntry(
  { pids }: Servers,
  client: NatsConnection,
  bytes: number,
): Promise<number[]> {
  const manager = await jetstreamManager(client, { timeout: 30_000 });
  const name = `bucket-${bytes}`;
  await manager.streams.add({ name, subjects: [name], num_replicas: pids.length });
  if (bytes > 0) await jetstream(client).publish(name, new Uint8Array(bytes).fill(65));
  const before = await cpuOf(pids);
  // As a request and not by the client's function, which takes a missing entry for an error.
  const read = (): Promise<unknown> =>
    client.request(`$JS.API.STREAM.MSG.GET.${name}`, JSON.stringify({ last_by_subj: name }), {
      timeout: 30_000,
    });
  for (let at = 0; at < READS; at += READS_AT_ONCE) {
    await Promise.all(Array.from({ length: READS_AT_ONCE }, read));
  }
  const used = (await cpuOf(pids)).map((cpu, at) => cpu - (before[at] ?? 0));
  return [pids.length, bytes, (sumOf(used) * 1e6) / READS];
}

/** The seconds of CPU that each process has used so far; not a number where there is no /proc. */
async function cpuOf(pids: readonly number[]): Promise<number[]> {
  return Promise.all(
    pids.map(async (pid) => {
      const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
      return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
    }),
  );
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function formatted(row: readonly number[]): string[] {
  return row.map((cell, at) => (at === 0 ? `${cell}` : figure(cell)));
}
