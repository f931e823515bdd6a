import { createLogger, limitedLogger, type Logger } from '@leat/runtime';
import type { Logger as GivenLogger } from '@leat/sdk';
import type { ServiceOptions } from './service-options.ts';

/** Where things are logged. */
interface Loggers {
  readonly logger: Logger;
  readonly log: NonNullable<ServiceOptions['log']>;
}

/** Where things are logged: nowhere, if no logger is given. Warnings of one cause are limited. */
export function loggersOf({ logger, log }: ServiceOptions): Loggers {
  const own =
    logger === undefined
      ? createLogger({ format: 'json', level: 'silent' })
      : isLogger(logger)
        ? logger
        : withFields(logger, {});
  return { logger: limitedLogger(own), log: log ?? { format: 'json', level: own.level } };
}

/** Whether it can have children and a level, as one of pino does. */
function isLogger(logger: GivenLogger): logger is Logger {
  return 'child' in logger && typeof logger.child === 'function' && 'level' in logger;
}

/** A logger of four methods as one that has children: their fields are given with each line. */
function withFields(logger: GivenLogger, fields: object): Logger {
  const line =
    (level: keyof GivenLogger) =>
    (first: string | object, text?: string): void => {
      const [more, message] = typeof first === 'string' ? [{}, first] : [first, text];
      logger[level]({ ...fields, ...more }, message);
    };
  return {
    level: 'info',
    child: (more) => withFields(logger, { ...fields, ...more }),
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
  };
}
