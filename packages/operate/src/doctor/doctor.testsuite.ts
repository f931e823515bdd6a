import { diagnose, type DiagnosisOptions } from './diagnose.ts';
import type { Finding } from './finding.ts';
import type { Examination, SeenConsumer, SeenStream, SeenUsage } from './seen.ts';
import type { PipelineSpec } from '../../../core/src/spec.ts';
import {
  DEFAULT_TOPOLOGY_SETTINGS,
  receiptsConsumerOf,
  type Topology,
  topologyOf,
  type TopologySettings,
  type WantedConsumer,
  type WantedStream,
} from '../../../core/src/topology.ts';

export const SPEC: PipelineSpec = {
  name: 'cities',
  stages: [
    { name: 'source', kind: 'fetcher' },
    { name: 'place', kind: 'mapper', from: 'source' },
    { name: 'sink', kind: 'saver', from: 'place' },
  ],
};
export const SETTINGS: TopologySettings = { ...DEFAULT_TOPOLOGY_SETTINGS, replicas: 3 };
export const TOPOLOGY: Topology = topologyOf(SPEC, SETTINGS);
export const PLACE = 'leat_cities_place';
export const DEAD = 'leat_cities_dead';
export const RECEIPTS = 'leat_cities_receipts';

export type StreamChange = Partial<SeenStream['config']>;
export type ConsumerChange = Omit<Partial<SeenConsumer>, 'config'> & {
  readonly config?: Partial<SeenConsumer['config']>;
};

function consumerAsWanted(wanted: WantedConsumer, change: ConsumerChange = {}): SeenConsumer {
  return {
    name: wanted.durable_name,
    pending: 0,
    ackPending: 0,
    waiting: 1,
    isPaused: false,
    quietMs: 0,
    ...change,
    config: { ...wanted, ...change.config },
  };
}

export function streamAsWanted(
  wanted: WantedStream | { readonly name: string },
  consumers: readonly SeenConsumer[] = [],
): SeenStream {
  return {
    config: {
      retention: 'limits',
      storage: 'file',
      discard: 'new',
      max_msgs: -1,
      max_bytes: -1,
      max_age: 0,
      max_msgs_per_subject: -1,
      num_replicas: 3,
      duplicate_window: 120e9,
      ...wanted,
    },
    state: { messages: 0, bytes: 0, subjects: {} },
    copies: [
      { server: 'b', isCurrent: true, isOffline: false },
      { server: 'c', isCurrent: true, isOffline: false },
    ],
    consumers,
  };
}

export const USAGE: SeenUsage = {
  storage: 5,
  memory: 5,
  streams: 5,
  consumers: 5,
  limits: { max_storage: -1, max_memory: -1, max_streams: -1, max_consumers: -1 },
};

/** A cluster on which everything is as it should be. */
export function healthy(): Examination {
  const run = receiptsConsumerOf('cities', 'r1', 'run-r1', SETTINGS);
  return {
    server: { name: 'a', version: '2.15.2', isClustered: true, maxPayload: 1_048_576 },
    monitors: ['a', 'b'].map((name) => ({
      url: `http://${name}`,
      server: {
        name,
        version: '2.15.2',
        syncIntervalMs: 1_000,
        storage: { used: 1, limit: 100 },
      },
    })),
    clocks: [{ sentAt: 0, receivedAt: 10, serverAt: 5 }],
    usages: [USAGE],
    streams: [
      ...TOPOLOGY.queues.map(({ stream, consumer }) =>
        streamAsWanted(stream, [consumerAsWanted(consumer)]),
      ),
      streamAsWanted(TOPOLOGY.receipts, [consumerAsWanted(run)]),
      streamAsWanted(TOPOLOGY.dead),
      streamAsWanted(TOPOLOGY.entries),
      streamAsWanted(TOPOLOGY.bodies),
    ],
    unavailable: [],
    runs: [{ run: 'r1', pipeline: 'cities', state: 'running', spec: SPEC }],
  };
}

/** The healthy cluster with one stream changed. */
export function withStream(name: string, change: (stream: SeenStream) => SeenStream): Examination {
  const seen = healthy();
  return {
    ...seen,
    streams: seen.streams.map((stream) => (stream.config.name === name ? change(stream) : stream)),
  };
}

export function withConfig(name: string, config: StreamChange): Examination {
  return withStream(name, (stream) => ({ ...stream, config: { ...stream.config, ...config } }));
}

export function withConsumer(change: ConsumerChange, name: string = PLACE): Examination {
  return withStream(name, (stream) => ({
    ...stream,
    consumers: stream.consumers.map((consumer) => ({
      ...consumer,
      ...change,
      config: { ...consumer.config, ...change.config },
    })),
  }));
}

export function withoutStreams(...names: readonly string[]): Examination {
  const seen = healthy();
  return { ...seen, streams: seen.streams.filter(({ config }) => !names.includes(config.name)) };
}

const OPTIONS: DiagnosisOptions = { spec: SPEC, settings: SETTINGS, isProduction: false };

export function findings(seen: Examination, options: Partial<DiagnosisOptions> = {}): Finding[] {
  return diagnose(seen, { ...OPTIONS, ...options });
}

/** Code, subject and what was found, as one line each. */
export function told(seen: Examination, options: Partial<DiagnosisOptions> = {}): string[] {
  return findings(seen, options).map(({ code, subject, found }) => `${code} ${subject}: ${found}`);
}

export const WITHOUT_FILE: DiagnosisOptions = { settings: SETTINGS, isProduction: false };
