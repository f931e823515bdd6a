/**
 * Whether there may be a key `__proto__` in the bytes: as it is, or with an escape for one of its letters.
 */
export function mayHaveProtoKey(bytes: Buffer): boolean {
  return bytes.includes('__proto__') || bytes.includes(String.raw`\u00`);
}

/**
 * Whether a value has a key `__proto__`. Whoever copies such an object key by key, as schemas do, loses what stands
 * there, or changes what the copy inherits.
 */
export function hasProtoKey(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.hasOwn(value, '__proto__') || Object.values(value).some(hasProtoKey);
}
