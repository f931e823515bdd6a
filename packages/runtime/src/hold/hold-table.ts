import type { NatsSettings } from '../jetstream/settings.ts';

/**
 * The table of messages in hand, shared between a process and its holder thread. A slot is: generation
 * (32 bits, 0 when free), length of the subject (32 bits), how long the process may be blocked meanwhile
 * (32 bits, milliseconds, 0 without limit), and the subject in UTF-8.
 */
export const SLOT_BYTES = 512;
export const SUBJECT_OFFSET = 12;

/** The most messages that one process may have in hand, parked ones among them. */
export const SLOT_COUNT = 16_384;

/** Behind the slots: the heartbeat of the main thread, a number that grows while it is not blocked. */
export const PULSE_OFFSET: number = SLOT_BYTES * SLOT_COUNT;
export const TABLE_BYTES: number = PULSE_OFFSET + 4;
/** How often the main thread beats, and how often it is looked whether it did. */
export const PULSE_MS = 500;

/** What the holder thread is started with. */
export interface HolderData {
  readonly settings: NatsSettings;
  readonly beatMs: number;
  readonly table: SharedArrayBuffer;
}
