import type { NatsSettings } from './settings.ts';

/**
 * The table of messages in hand, shared between a process and its holder thread. A slot is: generation
 * (32 bits, 0 when free), length of the subject (32 bits), and the subject in UTF-8.
 */
export const SLOT_BYTES = 512;
export const SUBJECT_OFFSET = 8;

/** The most messages that one process may have in hand. */
export const SLOT_COUNT = 4_096;

/** What the holder thread is started with. */
export interface HolderData {
  readonly settings: NatsSettings;
  readonly beatMs: number;
  readonly table: SharedArrayBuffer;
}
