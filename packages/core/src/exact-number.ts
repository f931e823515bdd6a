/** A number as JSON writes it, without what says nothing: `-12.50e1` is 125 with a minus and no zeros behind it. */
interface Decimal {
  readonly isNegative: boolean;
  /** Its digits, without zeros at either end; empty for zero. */
  readonly digits: string;
  /** How many zeros belong behind the digits; negative if they begin to be a fraction. */
  readonly exponent: number;
}

/** So many digits survive the way through a double (IEEE 754). */
const SAFE_LENGTH = 15;
const HAS_EXPONENT = /e/i;

/**
 * Whether JavaScript holds a number exactly: whether the shortest decimal that it writes for it again has the
 * value that stands there. `1.10`, `1e2` and `-0` are exact, `9007199254740993` and `1e400` are not.
 *
 * @param token a number as JSON has it
 */
export function isExactNumber(token: string): boolean {
  if (token.length <= SAFE_LENGTH && !HAS_EXPONENT.test(token)) return true;
  const held = String(Number(token));
  if (held === token) return true;
  const [wanted, found] = [decimalOf(token), decimalOf(held)];
  if (wanted.digits === '') return true; // zero, however it is written
  return (
    wanted.digits === found.digits &&
    wanted.exponent === found.exponent &&
    wanted.isNegative === found.isNegative
  );
}

function decimalOf(token: string): Decimal {
  const [mantissa = '', exponent = '0'] = token.toLowerCase().split('e');
  const isNegative = mantissa.startsWith('-');
  const [whole = '', fraction = ''] = mantissa.slice(isNegative ? 1 : 0).split('.');
  const all = whole + fraction;
  // Not by regular expressions, which take the square of the time for many zeros.
  let from = 0;
  while (all[from] === '0') from++;
  let to = all.length;
  while (to > from && all[to - 1] === '0') to--;
  return {
    isNegative,
    digits: all.slice(from, to),
    exponent: Number(exponent) - fraction.length + all.length - to,
  };
}

const IS_DIGIT_OR_POINT = new Uint8Array(256);
for (const char of '0123456789.') IS_DIGIT_OR_POINT[char.charCodeAt(0)] = 1;

const [ZERO, PLUS, MINUS, SMALL_E] = [0x30, 0x2b, 0x2d, 0x65];
const TO_SMALL = 0x20;

/**
 * Whether there may be a number in the bytes that JavaScript cannot hold exactly: a long run of digits, or an
 * exponent of three digits, also within text. It looks at every third byte, since either has three digits
 * side by side, and costs some 10 microseconds for 20 kB.
 */
export function mayHaveInexactNumbers(bytes: Uint8Array): boolean {
  const { length } = bytes;
  for (let at = 2; at < length; at += 3) {
    if (((bytes[at] as number) - ZERO) >>> 0 <= 9 && isInQuestion(bytes, at)) return true;
  }
  return false;
}

/** Whether a digit is of a long run of digits, or of an exponent. A function of its own: that is twice as quick. */
function isInQuestion(bytes: Uint8Array, at: number): boolean {
  let start = at;
  while (start > 0 && IS_DIGIT_OR_POINT[bytes[start - 1] as number] === 1) start--;
  let end = at + 1;
  while (end < bytes.length && IS_DIGIT_OR_POINT[bytes[end] as number] === 1) end++;
  return end - start > SAFE_LENGTH || (end - start >= 3 && isExponent(bytes, start));
}

/** Whether there is the mark of an exponent before the digits. */
function isExponent(bytes: Uint8Array, start: number): boolean {
  const before = bytes[start - 1];
  const at = before === PLUS || before === MINUS ? start - 2 : start - 1;
  return (
    ((bytes[at] as number) | TO_SMALL) === SMALL_E &&
    IS_DIGIT_OR_POINT[bytes[at - 1] as number] === 1
  );
}
