import { createWriteStream } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { messageOf } from '@leat/core';
import { EXIT } from './exit-code.ts';
import { clearProgress } from './progress-display.ts';

/** How long the readers of a process that has to end may take for what is left. */
const LAST_WORDS_MS = 5_000;

/** Node's own stream, before {@link watchOutput} keeps it from user code. */
const stdout = process.stdout;

/**
 * Standard output. Node's own stream into a file takes a write for done of which a disk that is full has
 * taken only the beginning; this one writes the rest, or fails.
 */
const output: Writable =
  stdout instanceof Socket ? stdout : createWriteStream('', { fd: 1, autoClose: false });

/** Why nothing more can be written to standard output. */
let failure: NodeJS.ErrnoException | undefined;

/** What the process ends with that has to end now, whatever its command makes of it. */
let lastCode: number | undefined;

/**
 * To be called once, before anything is written and before user code is loaded. Standard output has a command's
 * result and nothing else: what user code prints (`console.log`, `process.stdout`), here or in a worker thread,
 * goes to standard error.
 */
export function watchOutput(): void {
  // A stream that nobody listens to ends the process by its error.
  for (const stream of new Set([output, stdout])) stream.on('error', fail);
  // The one who reads the log may go away, and there is nobody to tell of it. The work goes on.
  process.stderr.on('error', () => undefined);
  Object.defineProperty(process, 'stdout', { get: () => process.stderr });
  syncBuiltinESMExports(); // `import { stdout } from 'node:process'`
}

/** How wide the terminal is, if standard output is one. */
export function outputWidth(): number | undefined {
  return stdout.isTTY ? stdout.columns : undefined;
}

/**
 * Prints a piece of a command's result, and waits until it is written, however slow its reader is.
 *
 * @returns whether it was; if not, there is no use in printing more, and the exit code is taken care of
 */
export function print(text: string | Uint8Array): Promise<boolean> {
  if (failure !== undefined) return Promise.resolve(false);
  return new Promise((resolve) => {
    output.write(text, (error) => {
      if (error) fail(error);
      resolve(!error);
    });
  });
}

/** Says on standard error why a command does not do what it should. */
export function complain(sentence: string): void {
  clearProgress();
  process.stderr.write(`leat: ${sentence}\n`);
}

/**
 * Waits until everything is written, also what user code has printed and what was logged.
 *
 * @returns the exit code: never 0 if something of the result could not be written
 */
export async function settleOutput(code: number): Promise<number> {
  for (const stream of [output, stdout, process.stderr]) await written(stream);
  return lastCode ?? codeAfter(failure, code);
}

function codeAfter(error: NodeJS.ErrnoException | undefined, code: number): number {
  if (error === undefined) return code;
  if (!isReaderGone(error)) return EXIT.failed;
  return code === EXIT.ok ? EXIT.readerGone : code;
}

/** Ends the process now; readers are waited for, but not for ever. */
export function leave(code: number): void {
  const last = (lastCode ??= code);
  setTimeout(() => process.exit(last), LAST_WORDS_MS);
  void settleOutput(last).then(() => process.exit(last));
}

function fail(error: NodeJS.ErrnoException): void {
  if (failure !== undefined) return;
  failure = error;
  if (isReaderGone(error)) return;
  complain(
    `Standard output cannot be written, and what it has is not whole: ${messageOf(error)}. Make room, or write it elsewhere, and try again.`,
  );
}

function isReaderGone({ code }: NodeJS.ErrnoException): boolean {
  return code === 'EPIPE' || code === 'ECONNRESET';
}

/** Waits until all that a stream was given is written, or cannot be. */
function written(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    // Writes are done in order, and so this empty one when all before it are.
    if (stream.writableLength === 0 || stream.errored) resolve();
    else stream.write('', () => resolve());
  });
}
