import { LeatError } from '@leat/core';

/** A file that is not what it claims to be. `sentence` begins with the file's name. */
export function damaged(sentence: string, cause?: unknown): LeatError {
  return new LeatError('source-damaged', sentence, cause === undefined ? undefined : { cause });
}

/** A file that is not what it was when the cursor was made. */
export function changed(sentence: string): LeatError {
  return new LeatError(
    'source-changed',
    `${sentence} A run can only go on with the dataset that it began with: restore it, or start a new run.`,
  );
}

/** How a byte is named in a message: `"x"`, `a line break`, `byte 0x00`. */
export function describeByte(byte: number): string {
  if (byte === 10 || byte === 13) return 'a line break';
  if (byte > 0x20 && byte < 0x7f) return `"${String.fromCharCode(byte)}"`;
  return `byte 0x${byte.toString(16).padStart(2, '0')}`;
}

/** `64 MiB`, or `1000 bytes` where it is no whole number. */
export function describeBytes(bytes: number): string {
  const mebibytes = bytes / (1024 * 1024);
  return Number.isInteger(mebibytes) ? `${mebibytes} MiB` : `${bytes} bytes`;
}
