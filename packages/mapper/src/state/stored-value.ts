import { BusyError, formatAgeOf, FORMATS, jsonText, newerVersion, TerminalError } from '@leat/core';

/** A value as it stands in a state store: its version, and what JSON has of it; nothing for `undefined`. */
interface Stored {
  readonly v: number;
  readonly value?: unknown;
}

/**
 * Writes a value as a state store has it.
 *
 * @param what it is, for the sentence: `The value of "seen"`
 * @param remedy what else is to be known or done
 * @throws TerminalError if JSON cannot hold it exactly
 */
export function storedText(value: unknown, what: string, remedy = ''): string {
  const written = jsonText({ v: FORMATS.state, value });
  if ('text' in written) return written.text;
  throw new TerminalError(`${what} must be what JSON holds exactly, and ${written.fault}${remedy}`);
}

/**
 * Reads what {@link storedText} has written.
 *
 * @param what it is, for the sentence
 * @throws BusyError if only a newer Leat can read it: its record waits for a replica that can
 */
export function storedValue(text: string, what: string): unknown {
  const stored = JSON.parse(text) as Stored;
  if (formatAgeOf('state', stored) === 'newer') {
    throw new BusyError(newerVersion('state', what, stored.v).message);
  }
  return stored.value;
}
