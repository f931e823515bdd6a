import {
  DEFAULT_TOPOLOGY_SETTINGS,
  isEnded,
  type RunReport,
  type Topology,
  topologyOf,
  type TopologySettings,
} from '@leat/core';
import { generate } from '@leat/connectors/memory';
import { serve, type Service } from '@leat/host';
import { connect, type Leat, type RunHandle } from '@leat/operate';
import { fetcher, mapper, type Pipeline, pipeline, saver } from '@leat/sdk';
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { connect as connectToNats } from '@nats-io/transport-node';
import { z } from 'zod';
import { newName } from './jetstream.ts';
import { MemorySink } from './memory-pipeline.ts';
import { until } from './until.ts';

const COUNT = 120;
const HELD_FROM = 20;
/** One record before the edit and one after it are given up. */
const DEAD = new Set([3, 41]);

/** What an operator edits. */
export interface Scene {
  readonly manager: JetStreamManager;
  readonly topology: Topology;
  readonly run: string;
}

/** A run that goes on, on services that hold its last records until they are let go. */
export interface HeldRun extends Scene, AsyncDisposable {
  readonly definition: Pipeline;
  readonly leat: Leat;
  readonly handle: RunHandle;
  readonly sink: MemorySink;
  readonly letGo: () => void;
  /** The service that has the fetcher, and one that has all other stages if they are apart. */
  readonly services: readonly Service[];
  /** Serves the fetcher again, until the end. */
  readonly serveFetcher: () => Promise<unknown>;
}

/** How a run is held. */
export interface HoldOptions {
  readonly topology?: Partial<TopologySettings>;
  /** A text that each record has besides its number. */
  readonly pad?: string;
  /** Whether the fetcher has a service of its own. */
  readonly isFetcherApart?: boolean;
}

/**
 * Starts a run of 120 records, and holds all but the first.
 *
 * @param servers addresses, with a user and a password if they want one
 */
export async function hold(
  servers: string,
  { topology: limits = {}, pad = '', isFetcherApart = false }: HoldOptions = {},
): Promise<HeldRun> {
  let letGo: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const sink = new MemorySink();
  const definition = heldPipeline(sink, gate, pad);
  const options = { connection: { servers }, topology: limits };
  const roles = isFetcherApart ? ([['fetcher'], ['mapper', 'saver']] as const) : [undefined];
  const services: Service[] = [];
  for (const each of roles) {
    services.push(await serve(definition, { ...options, ...(each && { roles: each }) }));
  }
  const leat = await connect({ servers, topology: limits });
  const nats = await connectToNats(natsOptions(servers));
  const handle = await leat.start(definition);
  await until('the first chunks are saved', async () => (await handle.report()).records.saved > 0);
  return {
    definition,
    leat,
    handle,
    sink,
    run: handle.id,
    letGo,
    services,
    serveFetcher: async () =>
      services.push(await serve(definition, { ...options, roles: ['fetcher'] })),
    manager: await jetstreamManager(nats),
    topology: topologyOf(definition.spec, { ...DEFAULT_TOPOLOGY_SETTINGS, ...limits }),
    [Symbol.asyncDispose]: async () => {
      letGo();
      for (const service of services) await service.stop(0);
      await leat.close();
      await nats.close();
    },
  };
}

/** The client takes users from its options alone. */
function natsOptions(servers: string): Parameters<typeof connectToNats>[0] {
  const urls = servers.split(',').map((url) => new URL(url));
  const [{ username: user, password: pass }] = urls as [URL];
  return { servers: urls.map(({ host }) => host), ...(user !== '' && { user, pass }) };
}

function heldPipeline(sink: MemorySink, gate: Promise<void>, pad: string): Pipeline {
  const schema = z.object({ n: z.number(), pad: z.string() });
  const numbers = fetcher('numbers', {
    source: generate(COUNT, (n) => ({ n, pad })),
    schema,
    chunkSize: 5,
    window: 8,
  });
  const stage = mapper('work', {
    from: numbers,
    schema,
    retry: { attempts: 1 },
    map: async (record) => {
      if (record.n >= HELD_FROM) await gate;
      if (DEAD.has(record.n)) throw new Error('given up');
      return record;
    },
  });
  return pipeline(newName(), { savers: [saver('out', { from: stage, sink })] });
}

/** What became of a run: `ended` with every record, or `named` by its status. */
export async function outcomeOf(
  { leat, handle, sink, definition: { name } }: HeldRun,
  named?: RegExp,
): Promise<string> {
  let last: RunReport | undefined;
  let outcome: string | undefined;
  let fresh = { handle, since: Number.NEGATIVE_INFINITY };
  await until('it ends, or its status says why not', async () => {
    try {
      // A handle keeps what it has seen of the server for a while; `leat status` has a new one each time.
      if (performance.now() - fresh.since > 1_000) {
        const found = await leat.run(handle.id, { pipeline: name });
        fresh = { handle: found, since: performance.now() };
      }
      last = await fresh.handle.report();
    } catch (error) {
      // The bucket may not be there for some seconds.
      if (named?.test((error as Error).message) === true) outcome = 'named';
      return outcome !== undefined;
    }
    if (isEnded(last.state)) {
      const lost = COUNT - DEAD.size - new Set(sink.numbers).size;
      outcome = lost === 0 && last.records.dead === DEAD.size ? 'ended' : JSON.stringify(last);
    } else if (last.troubles.some(({ reason }) => named?.test(reason) === true)) {
      outcome = 'named';
    }
    return outcome !== undefined;
  }).catch(() => undefined);
  return outcome ?? `stuck: ${JSON.stringify(last)}`;
}
