import { InexactNumber, type InexactToken } from '@leat/core';

/**
 * Sees to it that nobody reads a number which JavaScript does not hold exactly: whoever reads the property has an
 * error. So a record may have such numbers, as long as its line is kept and nothing follows from them.
 *
 * @param value what a schema has made of the record; it is changed
 * @param wire the record as it was read, with these numbers rounded
 * @param encode writes the value by its schema
 * @param errorOf makes the error of a number
 * @returns a number of which the schema has made something else, if there is one: then it was read
 */
export function guardNumbers(
  value: unknown,
  wire: unknown,
  inexact: readonly InexactToken[],
  encode: () => unknown,
  errorOf: (number: InexactNumber) => Error,
): InexactNumber | undefined {
  const moved = movedNumber(value, wire, inexact, encode);
  if (moved !== undefined) return new InexactNumber(moved.path, moved.token);
  for (const { path, token } of inexact) {
    const key = path.at(-1) ?? '';
    const rounded = Number(token);
    const found = partAt(value, path);
    const property = found && Object.getOwnPropertyDescriptor(found, key);
    // The schema has left it out, or it is guarded already.
    if (found === undefined || property === undefined || property.get !== undefined) continue;
    if (!counts({ path, token }, wire)) continue;
    const number = new InexactNumber(path, token);
    if (property.value !== rounded || !guard(found, key, errorOf(number))) return number;
  }
  return undefined;
}

/**
 * A number that is not where it was, and that the schema has kept all the same: a codec may make another name, a set
 * or a number of the object that it was in. What the schema has left out is not there when it writes the value.
 */
function movedNumber(
  value: unknown,
  wire: unknown,
  inexact: readonly InexactToken[],
  encode: () => unknown,
): InexactToken | undefined {
  const missing = inexact.filter((token) => !isThere(token, value) && counts(token, wire));
  if (missing.length === 0) return undefined;
  const encoded = encode();
  return missing.find((token) => isThere(token, encoded));
}

function isThere({ path }: InexactToken, value: unknown): boolean {
  const part = partAt(value, path);
  return part !== undefined && Object.hasOwn(part, path.at(-1) ?? '');
}

/** Of a key that comes twice, the last value counts. */
function counts({ path, token }: InexactToken, wire: unknown): boolean {
  return partAt(wire, path)?.[path.at(-1) ?? ''] === Number(token);
}

type Part = Record<string | number, unknown>;

/** What the last step of a path leads out of; `undefined` if there is no such part. */
function partAt(value: unknown, path: readonly (string | number)[]): Part | undefined {
  let part = value;
  for (const key of path.slice(0, -1)) {
    if (typeof part !== 'object' || part === null) return undefined;
    part = (part as Part)[key];
  }
  return typeof part === 'object' && part !== null ? (part as Part) : undefined;
}

/** @returns whether it could be done: what is frozen cannot be changed */
function guard(part: Part, key: string | number, error: Error): boolean {
  return Reflect.defineProperty(part, key, {
    configurable: true,
    enumerable: true,
    get: () => {
      throw error;
    },
    set: (value: unknown) => {
      Object.defineProperty(part, key, {
        configurable: true,
        enumerable: true,
        writable: true,
        value,
      });
    },
  });
}
