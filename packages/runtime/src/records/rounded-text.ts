import { InexactNumber, isExactNumber } from '@leat/core';

/** A number as people write it, which `Number` reads. */
const NUMBER = /^\s*\+?(-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*$/;

/**
 * Finds a text that a schema has made a number of (`z.coerce.number`) which does not hold it exactly.
 *
 * @param wire what the schema was given
 * @param value what it has made of it
 */
export function roundedText(wire: unknown, value: unknown): InexactNumber | undefined {
  const found = search(wire, value);
  return found && new InexactNumber(found.path, found.token);
}

interface Found {
  readonly token: string;
  /** From the outside to the inside; filled on the way back. */
  readonly path: string[];
}

function search(wire: unknown, value: unknown): Found | undefined {
  if (typeof wire === 'string') {
    const [, token] = (typeof value === 'number' && NUMBER.exec(wire)) || [];
    return token === undefined || isExactNumber(token) ? undefined : { token, path: [] };
  }
  if (typeof wire !== 'object' || typeof value !== 'object' || wire === null || value === null) {
    return undefined;
  }
  for (const key in wire) {
    const found = search((wire as Properties)[key], (value as Properties)[key]);
    if (found === undefined) continue;
    found.path.unshift(key);
    return found;
  }
  return undefined;
}

type Properties = Readonly<Record<string, unknown>>;
