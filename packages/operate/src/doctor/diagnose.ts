import { queueConsumerFindings, receiptsConsumerFindings } from './judge-consumers.ts';
import { type Expected, expectedOf, isBucketStream } from './expected.ts';
import { type Finding, findingOf, type Mend } from './finding.ts';
import { deadLetterFindings, flowFindings } from './judge-flow.ts';
import type { Examination, SeenRun, SeenStream } from './seen.ts';
import { serverFindings } from './judge-server.ts';
import {
  bucketFindings,
  safetyFindings,
  streamSubject,
  wantedStreamFindings,
} from './judge-streams.ts';
import type { Severity } from './finding-code.ts';
import {
  asItWasMade,
  type PipelineSpec,
  type StreamObject,
  streamsOf,
  type Topology,
  type TopologySettings,
} from '@leat/core';

/** What a server is judged by. */
export interface DiagnosisOptions {
  /** The one pipeline that was looked at; without it, all that were found. */
  readonly spec?: PipelineSpec;
  readonly settings: TopologySettings;
  /** Whether to judge a single server as if it were meant for production, as a cluster always is. */
  readonly isProduction: boolean;
}

const ORDER: readonly Severity[] = ['error', 'warning', 'note'];

/** Judges what was seen of a NATS server: what loses data or stalls, the worst first. */
export function diagnose(seen: Examination, options: DiagnosisOptions): Finding[] {
  const { spec, settings, isProduction } = options;
  const expected = expectedOf(seen, spec, settings);
  const isStrict = isProduction || seen.server.isClustered;
  const findings = [
    ...serverFindings(seen, isProduction),
    ...seen.unavailable.map(({ name, reason }) =>
      findingOf('stream-unavailable', streamSubject(name), reason),
    ),
    ...seen.streams.flatMap((stream) => safetyFindings(stream, isStrict)),
    ...unknownFindings(seen, expected),
    ...(seen.runs ?? []).flatMap(runFindings),
    ...expected.flatMap((each) => pipelineFindings(seen, each)),
  ];
  return ORDER.flatMap((severity) => findings.filter((finding) => finding.severity === severity));
}

/** What the stages of a run say of it: they see what nobody sees from outside. */
function runFindings({ run, troubles = [] }: SeenRun): Finding[] {
  return troubles.map(({ stage, reason }) =>
    findingOf('run-held-up', `run ${run}`, `${stage} says: ${reason}`),
  );
}

function unknownFindings({ streams }: Examination, expected: readonly Expected[]): Finding[] {
  const known = new Set(
    expected.flatMap(({ topology: { queues, receipts, dead } }) =>
      [...queues.map(({ stream }) => stream), receipts, dead].map(({ name }) => name),
    ),
  );
  return streams.flatMap(({ config: { name }, state }) => {
    if (isBucketStream(name) || known.has(name)) return [];
    const found = `it belongs to no stage, and has ${state.messages} messages`;
    return [findingOf('stream-unknown', streamSubject(name), found)];
  });
}

function pipelineFindings(seen: Examination, { pipeline, topology }: Expected): Finding[] {
  const runs = seen.runs?.filter((run) => run.pipeline === pipeline);
  const judge = (object: StreamObject): Finding[] => {
    const { name } = object.stream;
    const stream = seen.streams.find(({ config }) => config.name === name);
    if (stream === undefined) return missing(seen, name, createOf(object, topology));
    const made = { ...object, stream: asItWasMade(object.stream, stream.config) };
    return [
      ...wantedStreamFindings(stream, made),
      ...inside(stream, object, pipeline, topology, runs),
    ];
  };
  const bodies = { kind: 'bodies', stream: topology.bodies } as const;
  const hasBodies = seen.streams.some(({ config }) => config.name === bodies.stream.name);
  return [...streamsOf(topology), ...(hasBodies ? [bodies] : [])].flatMap(judge);
}

/** Judges what is in a stream, and who reads it. */
function inside(
  stream: SeenStream,
  { kind }: StreamObject,
  pipeline: string,
  topology: Topology,
  runs: readonly SeenRun[] | undefined,
): Finding[] {
  switch (kind) {
    case 'queue': {
      const queue = topology.queues.find((each) => each.stream.name === stream.config.name);
      const consumers = queue === undefined ? [] : queueConsumerFindings(stream, queue);
      return [...consumers, ...flowFindings(stream, runs)];
    }
    case 'receipts':
      return [
        ...receiptsConsumerFindings(stream, pipeline, topology),
        ...flowFindings(stream, runs),
      ];
    case 'dead':
      return deadLetterFindings(stream);
    case 'bucket':
    case 'bodies':
      return bucketFindings(stream);
  }
}

function createOf(object: StreamObject, { bucket, settings, queues }: Topology): Mend {
  if (object.kind === 'bucket') {
    return { kind: 'create-bucket', bucket, replicas: settings.replicas };
  }
  const queue = queues.find(({ stream }) => stream.name === object.stream.name);
  return { kind: 'create-stream', object, ...(queue && { consumer: queue.consumer }) };
}

function missing({ unavailable, usages }: Examination, name: string, mend: Mend): Finding[] {
  // One that does not answer is there, and has a finding of its own.
  if (unavailable.some((stream) => stream.name === name)) return [];
  const full = usages.find(
    ({ streams, limits: { max_streams: limit } }) => limit > 0 && streams >= limit,
  );
  const why =
    full === undefined
      ? ''
      : `, and cannot be made: the account may have ${full.limits.max_streams} streams and has ${full.streams}`;
  return [findingOf('stream-missing', streamSubject(name), `it is not there${why}`, mend)];
}
