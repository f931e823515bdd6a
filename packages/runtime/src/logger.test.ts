import { expect, test, vi } from 'vitest';
import { createLogger } from './logger.ts';

test.each(['json', 'console'] as const)(
  'an error that throws when it is read is logged (%s)',
  (format) => {
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    try {
      const refuse = (): never => {
        throw new Error('not even that');
      };
      const logger = createLogger({ format, level: 'error' });
      logger.error({ err: new Proxy(new Error('bad'), { get: refuse }) }, 'chunk given back');
      logger.error({ err: new TypeError('plain') }, 'chunk given back');
      const lines = write.mock.calls.map(([line]) => String(line));
      expect(lines).toEqual([
        expect.stringContaining('the message of the error cannot be read'),
        expect.stringContaining('plain'),
      ]);
    } finally {
      write.mockRestore();
    }
  },
);
