const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Bytes that separate tokens, so that whitespace beside them means nothing: `"` `,` `:` `[` `]` `{` `}`. */
const SEPARATES = new Uint8Array(256);
for (const byte of Buffer.from('",:[]{}')) SEPARATES[byte] = 1;

const IS_SPACE = new Uint8Array(256);
for (const byte of Buffer.from(' \t\n\r')) IS_SPACE[byte] = 1;

/**
 * Takes the whitespace between tokens out of a JSON text, in place. Where it keeps two tokens apart, as
 * in the malformed `[1 2]`, one space stays: what was malformed must not become well-formed.
 *
 * @returns the new length
 */
export function compactJson(text: Uint8Array): number {
  let to = 0;
  let isInString = false;
  for (let from = 0; from < text.length; from++) {
    const byte = text[from]!;
    if (isInString) {
      text[to++] = byte;
      if (byte === QUOTE) isInString = false;
      else if (byte === BACKSLASH) text[to++] = text[++from]!;
    } else if (IS_SPACE[byte] === 0) {
      text[to++] = byte;
      if (byte === QUOTE) isInString = true;
    } else {
      while (IS_SPACE[text[from + 1] ?? 0] === 1) from++;
      const isBetweenTokens =
        SEPARATES[text[to - 1] ?? QUOTE] === 0 && SEPARATES[text[from + 1] ?? QUOTE] === 0;
      if (isBetweenTokens) text[to++] = 0x20;
    }
  }
  return to;
}
