import { InexactNumber, isExactNumber } from '@leat/core';
import { coercesNumbers } from '@leat/sdk';
import type { ZodType } from 'zod';

/** A number as people write it, which `Number` reads. */
const NUMBER = /^\s*\+?(-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*$/;
/** One of another base, which `Number` reads too. */
const OF_OTHER_BASE = /^\s*(0(?:[xX][\da-fA-F]+|[oO][0-7]+|[bB][01]+))\s*$/;
/** How such a number begins, or a digit that is escaped. */
const SIGNS: readonly string[] = ['0x', '0X', '0o', '0O', '0b', '0B', '\\u003'];

/** Whether a schema may make a number of text of a body that does not look like one: of another base, or escaped. */
export function mayRoundHiddenNumbers(schema: ZodType, body: Buffer): boolean {
  return coercesNumbers(schema) && SIGNS.some((sign) => body.includes(sign, 0, 'latin1'));
}

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
    if (typeof value !== 'number') return undefined;
    const [, token] = NUMBER.exec(wire) ?? [];
    if (token !== undefined) return isExactNumber(token) ? undefined : { token, path: [] };
    const [, other] = OF_OTHER_BASE.exec(wire) ?? [];
    return other === undefined || isExactInteger(other) ? undefined : { token: other, path: [] };
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

function isExactInteger(token: string): boolean {
  const held = Number(token);
  return Number.isFinite(held) && BigInt(held) === BigInt(token);
}

type Properties = Readonly<Record<string, unknown>>;
