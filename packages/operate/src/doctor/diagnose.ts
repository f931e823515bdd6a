import { queueConsumerFindings, receiptsConsumerFindings } from './judge-consumers.ts';
import { type Expected, expectedOf, isBucketStream } from './expected.ts';
import { type Finding, findingOf, type Mend } from './finding.ts';
import { deadLetterFindings, flowFindings } from './judge-flow.ts';
import type { Examination, SeenStream } from './seen.ts';
import { serverFindings } from './judge-server.ts';
import {
  bucketFindings,
  safetyFindings,
  streamSubject,
  wantedStreamFindings,
} from './judge-streams.ts';
import type { Severity } from './codes.ts';
import type { PipelineSpec } from '@leat/core';
import type { TopologySettings, WantedStream } from '@leat/core';

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
    ...seen.streams
      .filter(({ config }) => isBucketStream(config.name))
      .flatMap((stream) => bucketFindings(stream)),
    ...unknownFindings(seen, expected),
    ...expected.flatMap((each) => pipelineFindings(seen, each)),
  ];
  return ORDER.flatMap((severity) => findings.filter((finding) => finding.severity === severity));
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
  const judge = (
    wanted: WantedStream,
    create: Mend,
    more: (stream: SeenStream) => readonly Finding[],
  ): Finding[] => {
    const stream = seen.streams.find(({ config }) => config.name === wanted.name);
    if (stream !== undefined) return [...wantedStreamFindings(stream, wanted), ...more(stream)];
    return missing(seen, wanted.name, create);
  };
  const { receipts, dead, bucket, settings } = topology;
  const runs = seen.runs?.filter((run) => run.pipeline === pipeline);
  return [
    ...topology.queues.flatMap((queue) => {
      const { stream, consumer } = queue;
      return judge(stream, { kind: 'create-stream', stream, consumer }, (found) => [
        ...queueConsumerFindings(found, queue),
        ...flowFindings(found, runs),
      ]);
    }),
    ...judge(receipts, { kind: 'create-stream', stream: receipts }, (found) => [
      ...receiptsConsumerFindings(found, pipeline, topology),
      ...flowFindings(found, runs),
    ]),
    ...judge(dead, { kind: 'create-stream', stream: dead }, deadLetterFindings),
    ...(seen.streams.some(({ config }) => config.name === `KV_${bucket}`)
      ? []
      : missing(seen, `KV_${bucket}`, {
          kind: 'create-bucket',
          bucket,
          replicas: settings.replicas,
        })),
  ];
}

function missing({ unavailable }: Examination, name: string, mend: Mend): Finding[] {
  // One that does not answer is there, and has a finding of its own.
  if (unavailable.some((stream) => stream.name === name)) return [];
  return [findingOf('stream-missing', streamSubject(name), 'it is not there', mend)];
}
