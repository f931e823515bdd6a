/**
 * Whether two records are the same in JSON: the order of keys does not count, and a property that is `undefined` is
 * absent. A whole number and a `BigInt` of the same value are the same.
 */
export function isSameRecord(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) {
    return isSameInteger(one, other);
  }
  if (Array.isArray(one) && Array.isArray(other)) return isSameArray(one, other);
  return !Array.isArray(one) && !Array.isArray(other) && isSameObject(one, other);
}

function isSameInteger(one: unknown, other: unknown): boolean {
  if (typeof one !== 'bigint' && typeof other !== 'bigint') return false;
  return isNumber(one) && isNumber(other) && String(one) === String(other);
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'bigint';
}

function isSameArray(one: readonly unknown[], other: readonly unknown[]): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (!isSameRecord(one[at], other[at])) return false;
  return true;
}

function isSameObject(one: object, other: object): boolean {
  let keys = 0;
  for (const key in one) {
    const part = (one as JsonObject)[key];
    if (part === undefined) continue;
    keys++;
    if (!isSameRecord(part, (other as JsonObject)[key])) return false;
  }
  for (const key in other) if ((other as JsonObject)[key] !== undefined) keys--;
  return keys === 0;
}

type JsonObject = Readonly<Record<string, unknown>>;
