import { writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { pino } from 'pino';
import { Blockage } from './blockage.ts';
import { openConnection } from '../jetstream/connection.ts';
import {
  type HolderData,
  PULSE_MS,
  PULSE_OFFSET,
  SLOT_BYTES,
  SLOT_COUNT,
  SUBJECT_OFFSET,
} from './hold-table.ts';
import { consumerOfReply } from '../jetstream/reply.ts';

/** JetStream's "work in progress": starts the message's acknowledgement window anew. */
const IN_PROGRESS = new TextEncoder().encode('+WPI');

const { settings, beatMs, table } = workerData as HolderData;
const states = new Int32Array(table);
const bytes = new Uint8Array(table);
const decoder = new TextDecoder();

const blockage = new Blockage();
setInterval(() => {
  const pulse = Atomics.load(states, PULSE_OFFSET / Int32Array.BYTES_PER_ELEMENT);
  const verdict = blockage.look(pulse, () =>
    inHand().map(({ subject, limitMs }) => ({ stage: consumerOfReply(subject), limitMs })),
  );
  if (verdict === undefined) return;
  try {
    writeSync(2, `leat: ${verdict.line}\n`); // the main thread, which has the log, cannot write
  } catch {
    // Nobody reads it.
  }
  if (verdict.mustEnd) process.kill(process.pid, 'SIGKILL');
}, PULSE_MS);

const connection = await openConnection(settings, {
  name: 'leat holder',
  logger: pino({ level: 'silent' }),
  isPatient: true,
});

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port, not a window
parentPort?.postMessage('ready');

setInterval(() => {
  if (connection.isClosed()) process.exit(1);
  for (const { subject } of inHand()) connection.publish(subject, IN_PROGRESS);
}, beatMs);

interface InHand {
  readonly subject: string;
  readonly limitMs: number;
}

/** What is in the slots that are not free and do not change while they are read. */
function inHand(): InHand[] {
  return Array.from({ length: SLOT_COUNT }, (_, slot) => readSlot(slot)).filter(
    (held) => held !== undefined,
  );
}

function readSlot(slot: number): InHand | undefined {
  const start = slot * SLOT_BYTES;
  const state = start / Int32Array.BYTES_PER_ELEMENT;
  const generation = Atomics.load(states, state);
  if (generation === 0) return undefined;
  const from = start + SUBJECT_OFFSET;
  // A copy, because TextDecoder does not read shared memory.
  const copy = bytes.slice(from, from + (states[state + 1] as number));
  const limitMs = states[state + 2] as number;
  if (Atomics.load(states, state) !== generation) return undefined;
  return { subject: decoder.decode(copy), limitMs };
}
