import { parentPort, workerData } from 'node:worker_threads';
import { pino } from 'pino';
import { openConnection } from './connection.ts';
import { type HolderData, SLOT_BYTES, SLOT_COUNT, SUBJECT_OFFSET } from './hold-table.ts';

/** JetStream's "work in progress": starts the message's acknowledgement window anew. */
const IN_PROGRESS = new TextEncoder().encode('+WPI');

const { settings, beatMs, table } = workerData as HolderData;
const states = new Int32Array(table);
const bytes = new Uint8Array(table);
const decoder = new TextDecoder();

const connection = await openConnection(settings, {
  name: 'leat holder',
  logger: pino({ level: 'silent' }),
  isPatient: true,
});

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port, not a window
parentPort?.postMessage('ready');

setInterval(() => {
  if (connection.isClosed()) process.exit(1);
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const subject = subjectIn(slot);
    if (subject !== undefined) connection.publish(subject, IN_PROGRESS);
  }
}, beatMs);

/** The subject in a slot, unless the slot is free or changes while it is read. */
function subjectIn(slot: number): string | undefined {
  const start = slot * SLOT_BYTES;
  const state = start / Int32Array.BYTES_PER_ELEMENT;
  const generation = Atomics.load(states, state);
  if (generation === 0) return undefined;
  const from = start + SUBJECT_OFFSET;
  // A copy, because TextDecoder does not read shared memory.
  const copy = bytes.slice(from, from + (states[state + 1] as number));
  return Atomics.load(states, state) === generation ? decoder.decode(copy) : undefined;
}
