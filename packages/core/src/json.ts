/** A value that survives `JSON.stringify` and `JSON.parse` unchanged. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/**
 * What JSON cannot hold exactly in a value, with the path to it: `items.0.at is an instance of Date`; or
 * `undefined` if JSON holds all of it. A property that is `undefined` counts as absent, and -0 as 0.
 */
export function whyNotJson(value: unknown): string | undefined {
  return faultIn(value, '', []);
}

function faultIn(value: unknown, path: string, within: readonly unknown[]): string | undefined {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return undefined;
  const fault = (what: string): string => `${path === '' ? 'it' : path} is ${what}`;
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : fault(`${value}`);
  if (value === undefined) return fault('undefined');
  if (typeof value !== 'object') return fault(`a ${typeof value}`);
  if (within.includes(value)) return fault('a part of itself');
  const inside = [...within, value];
  if (Array.isArray(value)) return faultInArray(value, path, inside);
  if (!isPlain(value)) return fault(`an instance of ${classOf(value)}`);
  for (const [key, part] of Object.entries(value)) {
    const found = part === undefined ? undefined : faultIn(part, below(path, key), inside);
    if (found !== undefined) return found;
  }
  return undefined;
}

function faultInArray(
  values: readonly unknown[],
  path: string,
  within: readonly unknown[],
): string | undefined {
  // By index, so that holes count.
  for (let at = 0; at < values.length; at++) {
    const found = faultIn(values[at], below(path, at), within);
    if (found !== undefined) return found;
  }
  return undefined;
}

function below(path: string, key: string | number): string {
  return path === '' ? `${key}` : `${path}.${key}`;
}

/** Whether an object has no class, whatever context of the process it was made in. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function classOf(value: object): string {
  const { constructor: made } = value as { readonly constructor?: unknown };
  return typeof made === 'function' ? made.name : 'a class';
}
