/**
 * One time that a stage worked on a chunk and buried some of its records. A record may be buried by an
 * execution that never counted: its process died, and the record succeeded the next time. The receipt of
 * the chunk names the executions that counted, each by a token of 8 hexadecimal digits.
 *
 * @param random from 0 to 1, as `Math.random` gives it
 */
export function newExecution(random: number): string {
  return Math.floor(random * 2 ** 32)
    .toString(16)
    .padStart(8, '0');
}

/** The tokens of executions, separated by commas; empty if there are none. */
export function formatExecutions(tokens: readonly string[]): string {
  return tokens.join(',');
}

/** The inverse of {@link formatExecutions}; `undefined` for anything that it cannot have made. */
export function parseExecutions(text: string): string[] | undefined {
  if (text === '') return [];
  return /^[0-9a-f]{8}(?:,[0-9a-f]{8})*$/.test(text) ? text.split(',') : undefined;
}
