/** What is known of something that was thrown, in plain values: it can be logged, sent and kept. */
export interface ThrownDescription {
  /** The error's name; `Thrown` for what is not an error. */
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  /** What Node.js and drivers put on their errors: `ECONNREFUSED`. */
  readonly code?: string;
}

/**
 * Describes anything that was thrown. It never throws itself, whatever a getter or a proxy does: what cannot
 * be read is left out, or said to be so.
 */
export function describeThrown(thrown: unknown): ThrownDescription {
  if (!isA(thrown, Error)) return { name: 'Thrown', message: textOf(thrown) };
  const stack = partText(thrown, 'stack');
  const code = partText(thrown, 'code');
  return {
    name: partText(thrown, 'name') ?? 'Error',
    message: partText(thrown, 'message') ?? 'the message of the error cannot be read',
    ...(stack !== undefined && { stack }),
    ...(code !== undefined && { code }),
  };
}

/** The message of anything that was thrown; it never throws itself. */
export function messageOf(error: unknown): string {
  return describeThrown(error).message;
}

/** `instanceof`, where a proxy may throw: then it is not one. */
export function isA<T>(value: unknown, type: abstract new (...given: never[]) => T): value is T {
  try {
    return value instanceof type;
  } catch {
    return false;
  }
}

/** A property of what was thrown; `undefined` where it cannot be read. */
export function partOf(thrown: object, key: string): unknown {
  try {
    return (thrown as Readonly<Record<string, unknown>>)[key];
  } catch {
    return undefined;
  }
}

function partText(thrown: object, key: string): string | undefined {
  const part = partOf(thrown, key);
  return part === undefined ? undefined : textOf(part);
}

function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    // No prototype, or a toString that throws.
  }
  try {
    return Object.prototype.toString.call(value);
  } catch {
    return 'something that cannot be read';
  }
}
