import { createLogger } from '@leat/runtime';
import type { ServiceOptions } from './service-options.ts';

/** Where things are logged that are given no logger. */
export function loggersOf({
  logger,
  log,
}: ServiceOptions): Required<Pick<ServiceOptions, 'logger' | 'log'>> {
  const own = logger ?? createLogger({ format: 'json', level: 'silent' });
  return { logger: own, log: log ?? { format: 'json', level: own.level } };
}
