import { stringifyJson } from './own-json.ts';

/** What is nested deeper is left to those who look for circles. */
const MAX_DEPTH = 32;

/**
 * Writes a value as JSON, if it is sure that JSON holds it exactly: plain objects and arrays with texts, finite
 * numbers, booleans, null and the like. They are copied first, so that what is judged is what is written, whatever
 * a getter says the next time. It takes two thirds of the time of writing part by part.
 *
 * @returns `undefined` if it is not sure
 * @throws whatever a getter or a proxy throws
 */
export function plainJson(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const copy = copyOf(value, 0);
  return copy && stringifyJson(copy);
}

function copyOf(value: object, depth: number): object | undefined {
  if (depth > MAX_DEPTH) return undefined;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== Array.prototype) return undefined;
  if (typeof (value as { readonly toJSON?: unknown }).toJSON === 'function') return undefined;
  if (Object.getOwnPropertySymbols(value).length > 0) return undefined;
  return Array.isArray(value) ? copyOfArray(value, depth) : copyOfObject(value, depth);
}

function copyOfArray(values: readonly unknown[], depth: number): unknown[] | undefined {
  const { length } = values;
  // One with properties of its own has more; a hole is found below. It takes half the time of counting names.
  if (Object.keys(values).length !== length) return undefined;
  const copy = values.slice();
  for (let at = 0; at < length; at++) {
    const part = copy[at];
    if (isLeaf(part)) continue;
    const inner = typeof part === 'object' && part !== null ? copyOf(part, depth + 1) : undefined;
    if (inner === undefined) return undefined;
    copy[at] = inner;
  }
  return copy;
}

function copyOfObject(value: object, depth: number): object | undefined {
  // Keys first: V8 then knows them for all objects of this shape, and counting names is quick.
  const { length } = Object.keys(value);
  if (Object.getOwnPropertyNames(value).length !== length) return undefined;
  const copy = { ...value } as Record<string, unknown>;
  // Nothing is inherited, and this takes half the time of going through a list of keys.
  for (const key in copy) {
    const part = copy[key];
    if (isLeaf(part) || part === undefined) continue;
    const inner = typeof part === 'object' && part !== null ? copyOf(part, depth + 1) : undefined;
    if (inner === undefined) return undefined;
    copy[key] = inner;
  }
  return copy;
}

/** Whether it is a value without parts that JSON has. */
function isLeaf(value: unknown): boolean {
  const type = typeof value;
  if (type === 'string' || type === 'boolean' || value === null) return true;
  return type === 'number' && Number.isFinite(value);
}
