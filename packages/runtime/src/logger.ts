import { describeThrown } from '@leat/core';
import type { Logger as AuthorsLogger } from '@leat/sdk';
import { type DestinationStream, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';

/** The log of a process: what authors have, and what is done with it inside. */
export interface Logger extends AuthorsLogger {
  readonly level: string;
  /** A log whose lines have these fields, too. */
  child(fields: object): Logger;
}

/** How log lines look: for people, or for programs. */
export type LogFormat = 'console' | 'json';

/**
 * Of an error only what describes it: it must not throw at the one who logs it, and what else drivers put on
 * theirs fills pages, and may be secret.
 */
const serializers = { err: describeThrown };

/**
 * Makes the logger of a process. Lines go to standard error, so that standard output is for results.
 *
 * @param options.beforeLine called before each line; the one who draws on the terminal takes the drawing away
 */
export function createLogger(options: {
  readonly format: LogFormat;
  readonly level: string;
  readonly beforeLine?: () => void;
}): Logger {
  const { format, level, beforeLine } = options;
  const target: DestinationStream = {
    write: (line) => {
      beforeLine?.();
      process.stderr.write(line);
    },
  };
  if (format === 'json') {
    return pino(
      { level, base: null, serializers, timestamp: pino.stdTimeFunctions.isoTime },
      target,
    );
  }
  const toText = prettyFactory({
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,hostname',
    singleLine: true,
    // Node looks at NO_COLOR and TERM.
    colorize: process.stderr.isTTY && process.stderr.hasColors(),
  });
  return pino({ level, base: null, serializers }, { write: (line) => target.write(toText(line)) });
}
