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

test.each(['json', 'console'] as const)(
  'an error is logged without what hangs on it (%s)',
  (format) => {
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    try {
      const cause = Object.assign(new Error('the cause'), { client: { secretKey: 'hidden-1' } });
      const err = Object.assign(new Error('lost', { cause }), {
        code: 'ECONNRESET',
        client: { password: 'hidden-2' },
        input: 'postgres://app:hidden-3@host/db',
      });
      const circular = new Error('round', { cause: undefined });
      circular.cause = circular;
      const logger = createLogger({ format, level: 'error' });
      logger.error({ err }, 'away');
      logger.error({ err: circular }, 'away');
      const text = write.mock.calls.map(([line]) => String(line)).join('');
      for (const part of ['lost', 'ECONNRESET', 'logger.test.ts', 'the cause', 'round']) {
        expect(text).toContain(part);
      }
      expect(text).not.toContain('hidden');
    } finally {
      write.mockRestore();
    }
  },
);
