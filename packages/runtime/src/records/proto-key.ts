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
  return protoKeys(value) > 0;
}

/** How many such keys a value has. */
export function protoKeys(value: unknown): number {
  let count = 0;
  // Parts that are found are added while it is gone through; none is looked at twice.
  const parts = new Set<unknown>([value]);
  for (const part of parts) {
    if (typeof part !== 'object' || part === null) continue;
    if (Object.hasOwn(part, '__proto__')) count++;
    for (const inner of Object.values(part)) {
      if (typeof inner === 'object' && inner !== null) parts.add(inner);
    }
  }
  return count;
}
