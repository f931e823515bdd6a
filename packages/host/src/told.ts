import type { Logger } from '@leat/runtime';

/**
 * A callback of the program as it is called here: what it throws, or what its promise is rejected with, is a warning
 * in the log and nothing else.
 */
export function told<T>(
  name: string,
  callback: ((value: T) => unknown) | undefined,
  logger: Logger,
): (value: T) => void {
  const warn = (error: unknown): void => logger.warn({ err: error }, `${name} failed: ignored`);
  return (value) => {
    try {
      void Promise.resolve(callback?.(value)).catch(warn);
    } catch (error) {
      warn(error);
    }
  };
}
