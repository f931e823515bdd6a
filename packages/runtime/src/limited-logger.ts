import { messageOf } from '@leat/core';
import type { Logger } from './logger.ts';

/** How often a warning or an error of one cause is logged. */
const EVERY_MS = 1_000;

/** Lines of one cause, within a second. */
interface Cause {
  /** How many were left out. */
  more: number;
  /** Logs the last of them. */
  last: () => void;
}

/** By the logger that it limits; so all who are given it share the limit. */
const LIMITED = new WeakMap<Logger, LimitedLogger>();

/**
 * A log in which warnings and errors of one cause are limited to a line a second, which says how many it stands for.
 * What fails for one chunk fails for hundreds. Lines have one cause that say the same, but for numbers, of the same
 * run and stage.
 */
export function limitedLogger(logger: Logger): Logger {
  if (logger instanceof LimitedLogger) return logger;
  const known = LIMITED.get(logger) ?? new LimitedLogger(logger, {}, new Map());
  LIMITED.set(logger, known);
  return known;
}

/** A log for the author of a function or sink, whose lines are all logged: no two have one cause for sure. */
export function authorsLogger(logger: Logger, fields: object): Logger {
  return (logger instanceof LimitedLogger ? logger.plain : logger).child(fields);
}

type Line = readonly [first: string | object, text: string | undefined];

class LimitedLogger implements Logger {
  readonly plain: Logger;
  readonly debug: Logger['debug'];
  readonly info: Logger['info'];
  readonly #fields: object;
  readonly #causes: Map<string, Cause>;

  constructor(plain: Logger, fields: object, causes: Map<string, Cause>) {
    this.plain = plain;
    this.#fields = fields;
    this.#causes = causes;
    this.debug = plain.debug.bind(plain);
    this.info = plain.info.bind(plain);
  }

  get level(): string {
    return this.plain.level;
  }

  child(fields: object): Logger {
    return new LimitedLogger(
      this.plain.child(fields),
      { ...this.#fields, ...fields },
      this.#causes,
    );
  }

  readonly warn = (first: string | object, text?: string): void => this.#log('warn', [first, text]);
  readonly error = (first: string | object, text?: string): void =>
    this.#log('error', [first, text]);

  #log(level: 'warn' | 'error', line: Line): void {
    const key = `${level} ${causeOf(this.#fields, line)}`;
    const cause = this.#causes.get(key);
    if (cause === undefined) {
      this.#write(level, line);
      this.#causes.set(key, { more: 0, last: () => undefined });
      this.#endLater(key);
      return;
    }
    cause.more++;
    cause.last = () => this.#write(level, cause.more > 1 ? counted(line, cause.more) : line);
  }

  #write(level: 'warn' | 'error', [first, text]: Line): void {
    if (typeof first === 'string') this.plain[level](first);
    else this.plain[level](first, text);
  }

  /** When a second is over, the last line is logged for all that were left out, and begins the next second. */
  #endLater(key: string): void {
    const timer = setTimeout(() => {
      const cause = this.#causes.get(key);
      this.#causes.delete(key);
      if (cause === undefined || cause.more === 0) return;
      cause.last();
      this.#causes.set(key, { more: 0, last: () => undefined });
      this.#endLater(key);
    }, EVERY_MS);
    timer.unref();
  }
}

/** What a line is about, without what differs from chunk to chunk. */
function causeOf(fields: object, [first, text = '']: Line): string {
  const own = typeof first === 'string' ? {} : first;
  const { run, stage, err } = { ...fields, ...own } as Readonly<Record<string, unknown>>;
  const message = typeof first === 'string' ? first : text;
  const why = err === undefined ? '' : messageOf(err);
  return `${String(run)} ${String(stage)} ${`${message} ${why}`.slice(0, 500).replaceAll(/\d+/g, '#')}`;
}

/** A line that stands for others. */
function counted([first, text]: Line, count: number): Line {
  const suffix = ` (one of ${count} within a second)`;
  return typeof first === 'string'
    ? [`${first}${suffix}`, undefined]
    : [first, `${text ?? ''}${suffix}`];
}
