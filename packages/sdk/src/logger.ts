import { type DestinationStream, type Logger, pino } from 'pino';
import { PinoPretty } from 'pino-pretty';

export type { Logger } from 'pino';

/** How log lines look: for people, or for programs. */
export type LogFormat = 'console' | 'json';

/** Makes the logger of a process. Lines go to standard error, so that standard output is for results. */
export function createLogger(options: {
  readonly format: LogFormat;
  readonly level: string;
}): Logger {
  const { format, level } = options;
  if (format === 'json') {
    return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2));
  }
  const pretty: DestinationStream = PinoPretty({
    destination: 2,
    sync: true,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,hostname',
    singleLine: true,
  });
  return pino({ level, base: null }, pretty);
}
