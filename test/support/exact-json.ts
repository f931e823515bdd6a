/** A string or a number in a JSON text; what stands between them has none. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g;

/**
 * What a JSON text says, with numbers as the decimals that they are, however long: `1.10` is `1.1`, and 2^53 + 1 is not
 * 2^53. `undefined` if it is not JSON.
 */
export function exactJson(text: string): unknown {
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  return JSON.parse(
    text.replaceAll(TOKEN, (token) =>
      token.startsWith('"') ? token : JSON.stringify(decimalOf(token)),
    ),
    // Strings are told from numbers by what they begin with, and `__proto__` is a key as any other.
    (_, value: unknown) => value,
  );
}

function decimalOf(token: string): { readonly number: string } {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]\+?(-?\d+))?$/.exec(token) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return { number: '0' };
  const power =
    BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - significant.length);
  return { number: `${sign}${significant}e${power}` };
}
