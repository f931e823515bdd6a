import type { Logger } from '@leat/runtime';

/** One line of a log. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A logger that keeps its lines for the test to look at. */
export type RecordingLogger = Logger & {
  readonly lines: readonly LogLine[];
  /** The messages of a level. */
  readonly at: (level: LogLine['level']) => string[];
};

export function recordingLogger(
  lines: LogLine[] = [],
  bound: Readonly<Record<string, unknown>> = {},
): RecordingLogger {
  const write =
    (level: LogLine['level']) =>
    (first: unknown, second?: unknown): void => {
      const isText = typeof first === 'string';
      const fields = isText ? bound : { ...bound, ...(first as object) };
      lines.push({ level, message: isText ? first : ((second ?? '') as string), fields });
    };
  return {
    lines,
    at: (level: LogLine['level']) =>
      lines.filter((line) => line.level === level).map(({ message }) => message),
    child: (fields: Readonly<Record<string, unknown>>) =>
      recordingLogger(lines, { ...bound, ...fields }),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  } as unknown as RecordingLogger;
}
