import { type Finding, findingOf, type Mend } from './finding.ts';
import type { SeenConsumer, SeenStream } from './seen.ts';
import { streamSubject } from './judge-streams.ts';
import { receiptsConsumer } from '@leat/core';
import {
  receiptsConsumerOf,
  type Topology,
  type WantedConsumer,
  type WantedQueue,
} from '@leat/core';

const MAX_ACK_WAIT_MS = 60_000;
const MIN_ACK_WAIT_MS = 2_000;

/** Judges the consumers of a stage's queue: the one that is wanted, and that there is no other. */
export function queueConsumerFindings(stream: SeenStream, { consumer }: WantedQueue): Finding[] {
  const { name } = stream.config;
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
  const subject = consumerSubject(stream, name);
  const findings = differences(config, wanted).map((found) =>
    findingOf('consumer-drifted', subject, found),
  );
  if (isPaused) findings.push(findingOf('consumer-paused', subject, 'it is paused'));
  const update = (change: Partial<WantedConsumer>): Mend => ({
    kind: 'update-consumer',
    stream: stream.config.name,
    consumer: name,
    change,
  });
  if (config.max_deliver !== wanted.max_deliver) {
    const mend = update({ max_deliver: wanted.max_deliver });
    findings.push(findingOf('max-deliver', subject, `max_deliver is ${config.max_deliver}`, mend));
  }
  const { max_msgs: maxMessages } = stream.config;
  const needed = maxMessages > 0 ? maxMessages : wanted.max_ack_pending;
  if (config.max_ack_pending > 0 && config.max_ack_pending < needed) {
    const found = `max_ack_pending is ${config.max_ack_pending}, and ${needed} messages may be there`;
    findings.push(
      findingOf('ack-pending-low', subject, found, update({ max_ack_pending: needed })),
    );
  }
  const code = ackWaitCode(config.ack_wait);
  if (code !== undefined) {
    // What the settings ask for may be as bad.
    const mend =
      ackWaitCode(wanted.ack_wait) === undefined
        ? update({ ack_wait: wanted.ack_wait })
        : undefined;
    findings.push(findingOf(code, subject, `ack_wait is ${config.ack_wait / 1e9} s`, mend));
  }
  return findings;
}

/** What of a consumer cannot be changed without passing messages over. */
function differences(found: SeenConsumer['config'], wanted: WantedConsumer): string[] {
  const told: string[] = [];
  for (const field of ['filter_subject', 'ack_policy'] as const) {
    if (found[field] === wanted[field]) continue;
    told.push(`${field} is ${found[field] ?? 'not set'}, wanted ${wanted[field]}`);
  }
  if (found.deliver_subject !== undefined) {
    told.push(`deliver_subject is ${found.deliver_subject}, and Leat pulls`);
  }
  if (found.backoff !== undefined && found.backoff.length > 0) {
    told.push(`backoff is set (${found.backoff.length} steps)`);
  }
  return told;
}

function ackWaitCode(ackWait: number): 'ack-wait-long' | 'ack-wait-short' | undefined {
  const ackWaitMs = ackWait / 1_000_000;
  if (ackWaitMs > MAX_ACK_WAIT_MS) return 'ack-wait-long';
  return ackWaitMs < MIN_ACK_WAIT_MS ? 'ack-wait-short' : undefined;
}

export function consumerSubject(stream: SeenStream, consumer: string): string {
  return `consumer ${consumer} of ${stream.config.name}`;
}
