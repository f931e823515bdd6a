import type { Logger as AuthorsLogger } from '@leat/sdk';
import type { Logger } from '@leat/runtime';

/** What a log may leave out, the most talkative level first. */
const LEVELS: readonly (string | undefined)[] = ['trace', 'debug', 'info', 'warn', 'error'];

type Level = keyof AuthorsLogger;
type Line = readonly [first: string | object, text?: string | undefined];

/**
 * The log of one record: its lines have the record's id as `request`. The log behind it is made with the first line
 * that is written, since making one takes longer than many functions, and most lines are of a level that is left out.
 */
export class RecordLogger implements AuthorsLogger {
  readonly #ofChunk: Logger;
  readonly #request: () => string;
  #own: Logger | undefined;

  constructor(ofChunk: Logger, request: () => string) {
    this.#ofChunk = ofChunk;
    this.#request = request;
  }

  debug(...line: Line): void {
    this.#log('debug', line);
  }

  info(...line: Line): void {
    this.#log('info', line);
  }

  warn(...line: Line): void {
    this.#log('warn', line);
  }

  error(...line: Line): void {
    this.#log('error', line);
  }

  #log(level: Level, line: Line): void {
    const { level: least } = this.#ofChunk;
    if (least === 'silent' || LEVELS.indexOf(level) < LEVELS.indexOf(least)) return;
    this.#own ??= this.#ofChunk.child({ request: this.#request() });
    this.#own[level](...(line as readonly [object, string?]));
  }
}
