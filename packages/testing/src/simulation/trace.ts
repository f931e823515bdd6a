import { messageOf } from '@leat/core';
import type { Clock } from './clock.ts';

interface Line {
  readonly at: number;
  readonly who: string;
  readonly what: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** What happened in a run, for the one who has to understand why it went wrong. */
export class Trace {
  readonly #clock: Clock;
  readonly #lines: Line[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(who: string, what: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#lines.push({ at: this.#clock.now, who, what, ...(fields && { fields }) });
  }

  /** A logger in the shape of pino's; what is only interesting for debugging is left out. */
  logger(who: string, bound: Readonly<Record<string, unknown>> = {}): object {
    const write =
      (level: string) =>
      (first: string | object, second = ''): void => {
        const isText = typeof first === 'string';
        const fields = isText ? bound : { ...bound, ...first };
        this.note(who, `${level} ${isText ? first : second}`, fields);
      };
    return {
      child: (fields: object) => this.logger(who, { ...bound, ...fields }),
      debug: () => undefined,
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
    };
  }

  toString(): string {
    return this.#lines.map(lineOf).join('\n');
  }
}

function lineOf({ at, who, what, fields = {} }: Line): string {
  const time = (at / 1_000).toFixed(3).padStart(9);
  const details = Object.entries(fields)
    .filter(([name]) => !['run', 'stage', 'pipeline'].includes(name))
    .map(([name, value]) => `${name}=${value instanceof Error ? messageOf(value) : String(value)}`);
  return `${time} ${who.padEnd(12)} ${what} ${details.join(' ')}`.trimEnd();
}
