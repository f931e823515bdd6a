/** What is known of something that was thrown, in plain values: it can be logged, sent and kept. */
export interface ThrownDescription {
  /** The error's name; `Thrown` for what is not an error. */
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  /** What Node.js and drivers put on their errors: `ECONNREFUSED`. */
  readonly code?: string;
  /** What caused it, and what caused that, as far as it is looked into. */
  readonly cause?: ThrownDescription;
}

/** How deep along `cause` an error is looked into; an error can be its own cause. */
export const MAX_CAUSES = 5;
/** How much is kept of each text, in characters. */
const MAX_TEXT = 16_384;

/**
 * Describes anything that was thrown. It never throws itself, whatever a getter or a proxy does: what cannot
 * be read is left out, or said to be so. Each text is cut to 16,384 characters.
 */
export function describeThrown(thrown: unknown): ThrownDescription {
  return describe(thrown, 1);
}

function describe(thrown: unknown, depth: number): ThrownDescription {
  const isError = isA(thrown, Error);
  const message = isObject(thrown) ? partText(thrown, 'message') : undefined;
  // Errors of another context of the process, and of clients that make their own, are told by their message.
  if (!isObject(thrown) || (!isError && message === undefined)) {
    return { name: 'Thrown', message: textOf(thrown) };
  }
  const stack = partText(thrown, 'stack');
  const code = partText(thrown, 'code');
  const cause = depth < MAX_CAUSES ? partOf(thrown, 'cause') : undefined;
  return {
    name: partText(thrown, 'name') ?? (isError ? 'Error' : 'Thrown'),
    message: wordsOf(thrown, message, code, depth),
    ...(stack !== undefined && { stack }),
    ...(code !== undefined && { code }),
    ...(cause !== undefined && cause !== null && { cause: describe(cause, depth + 1) }),
  };
}

/** The message; in the place of an empty one, what else tells what happened. */
function wordsOf(
  thrown: object,
  message: string | undefined,
  code: string | undefined,
  depth: number,
): string {
  if (message === undefined) return 'the message of the error cannot be read';
  if (message !== '') return message;
  // Node.js gives one of these, with a message for each address that it tried.
  const errors = depth < MAX_CAUSES ? partOf(thrown, 'errors') : undefined;
  const first: unknown = isObject(errors) ? partOf(errors, '0') : undefined;
  return first === undefined ? (code ?? '') : describe(first, depth + 1).message;
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

/** What was thrown, what caused it, and what caused that, as far as they have parts to look at. */
export function* causesOf(thrown: unknown): Generator<object> {
  let at = thrown;
  for (let depth = 0; isObject(at) && depth < MAX_CAUSES; depth++) {
    yield at;
    at = partOf(at, 'cause');
  }
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

function partText(thrown: object, key: string): string | undefined {
  const part = partOf(thrown, key);
  return part === undefined ? undefined : textOf(part);
}

function textOf(value: unknown): string {
  const text = wholeText(value);
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}…`;
}

function wholeText(value: unknown): string {
  let text: string | undefined;
  try {
    text = String(value);
    // Of a plain object or an array, its parts tell more.
    if (typeof value !== 'object' || value === null || isA(value, Error)) return text;
    if (!text.startsWith('[object ') && !Array.isArray(value)) return text;
  } catch {
    // No prototype, or a toString that throws.
  }
  return jsonOf(value) ?? text ?? tagOf(value);
}

function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

function tagOf(value: unknown): string {
  try {
    return Object.prototype.toString.call(value);
  } catch {
    return 'something that cannot be read';
  }
}
