import { driftFindings, type Finding, findingOf } from './finding.ts';
import type { SeenConsumer, SeenStream } from './seen.ts';
import { streamSubject } from './judge-streams.ts';
import {
  asItWasMade,
  consumerDrifts,
  receiptsConsumer,
  receiptsConsumerOf,
  type Topology,
  type WantedConsumer,
  type WantedQueue,
} from '@leat/core';

/** Judges the consumers of a stage's queue: the one that is wanted, and that there is no other. */
export function queueConsumerFindings(stream: SeenStream, queue: WantedQueue): Finding[] {
  const { name } = stream.config;
  const { max_msgs: most } = asItWasMade(queue.stream, stream.config);
  const consumer = { ...queue.consumer, ...(most > 0 && { max_ack_pending: most }) };
  const findings = stream.consumers.flatMap((found) =>
    found.name === consumer.durable_name
      ? consumerFindings(stream, found, consumer)
      : [stranger(stream, found)],
  );
  if (!stream.consumers.some((found) => found.name === consumer.durable_name)) {
    const mend = { kind: 'create-consumer', stream: name, consumer } as const;
    const found = `the consumer ${consumer.durable_name} is missing`;
    findings.push(findingOf('consumer-missing', streamSubject(name), found, mend));
  }
  return findings;
}

/** Judges the consumers of the receipts: one for each run. */
export function receiptsConsumerFindings(
  stream: SeenStream,
  pipeline: string,
  { settings }: Topology,
): Finding[] {
  const prefix = receiptsConsumer('');
  return stream.consumers.flatMap((found) => {
    if (!found.name.startsWith(prefix)) return [stranger(stream, found)];
    const run = found.name.slice(prefix.length);
    const wanted = receiptsConsumerOf(pipeline, run, found.name, settings);
    return consumerFindings(stream, found, wanted);
  });
}

function stranger(stream: SeenStream, { name }: SeenConsumer): Finding {
  const subject = consumerSubject(stream, name);
  return findingOf('consumer-drifted', subject, 'it is not Leat’s, and takes messages');
}

function consumerFindings(
  stream: SeenStream,
  { name, config, isPaused }: SeenConsumer,
  wanted: WantedConsumer,
): Finding[] {
  const drifts = consumerDrifts(wanted, config, isPaused);
  return driftFindings(drifts, consumerSubject(stream, name), {
    kind: 'repair-consumer',
    stream: stream.config.name,
    consumer: wanted,
  });
}

export function consumerSubject(stream: SeenStream, consumer: string): string {
  return `consumer ${consumer} of ${stream.config.name}`;
}
