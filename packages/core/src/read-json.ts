import { isExactNumber } from './exact-number.ts';
import { parseJson } from './own-json.ts';

/**
 * What becomes of a number in JSON that JavaScript cannot hold exactly: it is refused, it is read as the text that
 * stands there, as a `BigInt` if it is written with digits alone, or it is rounded.
 */
export type NumberRule = 'exact' | 'text' | 'bigint' | 'lossy';

export const NUMBER_RULES: readonly NumberRule[] = ['exact', 'text', 'bigint', 'lossy'];

const SHOWN_DIGITS = 40;

/** A number that cannot be held exactly: *items.0.id is 9007199254740993, which JavaScript holds as 9007199254740992*. */
export class InexactNumber extends Error {
  override readonly name: string = 'InexactNumber';

  /** @param path where it stands in its record */
  constructor(path: readonly (string | number)[], token: string) {
    const shown = token.length > SHOWN_DIGITS ? `${token.slice(0, SHOWN_DIGITS)}…` : token;
    super(`${path.join('.') || 'it'} is ${shown}, which JavaScript holds as ${Number(token)}`);
  }
}

/** A number in JSON that cannot be held exactly. */
export interface InexactToken {
  /** Where it stands in its record. */
  readonly path: readonly (string | number)[];
  readonly token: string;
}

/**
 * Reads JSON as `JSON.parse` does, but for numbers that JavaScript cannot hold exactly.
 *
 * @param onInexact where given, what would be thrown is reported, and the number is rounded
 * @throws SyntaxError; InexactNumber, which names the field
 */
export function readJson(
  text: string,
  numbers: NumberRule,
  onInexact?: (inexact: InexactToken) => void,
): unknown {
  const value = parseJson(text);
  if (numbers === 'lossy' || !hasInexactNumber(text)) return value;
  return new CarefulReader(text, numbers, onInexact).read();
}

/** A number in valid JSON, outside of strings. */
const NUMBER = /-?\d[\d.eE+-]*/y;
const [QUOTE, MINUS, ZERO, NINE] = [0x22, 0x2d, 0x30, 0x39];
/** The shortest one that may be inexact: `1e309`. */
const SHORTEST_INEXACT = 5;

function hasInexactNumber(text: string): boolean {
  for (let at = 0; at < text.length;) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
    } else if (code === MINUS || (code >= ZERO && code <= NINE)) {
      const token = numberAt(text, at);
      if (token.length >= SHORTEST_INEXACT && !isExactNumber(token)) return true;
      at += token.length;
    } else at++;
  }
  return false;
}

function numberAt(text: string, at: number): string {
  NUMBER.lastIndex = at;
  return (NUMBER.exec(text) as RegExpExecArray)[0];
}

/** Where the string that begins at a quote has ended, in valid JSON. */
export function endOfString(text: string, quote: number): number {
  for (let at = quote; ;) {
    at = text.indexOf('"', at + 1);
    let slashes = 0;
    while (text[at - 1 - slashes] === '\\') slashes++;
    if (slashes % 2 === 0) return at + 1;
  }
}

/** Reads valid JSON number by number. */
class CarefulReader {
  readonly #text: string;
  readonly #numbers: NumberRule;
  readonly #onInexact: ((inexact: InexactToken) => void) | undefined;
  readonly #path: (string | number)[] = [];
  #at = 0;

  constructor(
    text: string,
    numbers: NumberRule,
    onInexact: ((inexact: InexactToken) => void) | undefined,
  ) {
    this.#text = text;
    this.#numbers = numbers;
    this.#onInexact = onInexact;
  }

  read(): unknown {
    switch (this.#next()) {
      case '{':
        return this.#object();
      case '[':
        return this.#array();
      case '"':
        return this.#string();
      case 't':
        return this.#word(true);
      case 'f':
        return this.#word(false);
      case 'n':
        return this.#word(null);
      default:
        return this.#number();
    }
  }

  /** The next character that is not a space. */
  #next(): string {
    while (' \t\n\r'.includes(this.#text[this.#at] as string)) this.#at++;
    return this.#text[this.#at] as string;
  }

  #object(): object {
    const object = {};
    for (this.#at++; this.#next() !== '}'; this.#skip(',')) {
      const key = this.#string();
      this.#skip(':');
      this.#path.push(key);
      // As JSON.parse: `__proto__` is a key like any other.
      Object.defineProperty(object, key, {
        value: this.read(),
        configurable: true,
        enumerable: true,
        writable: true,
      });
      this.#path.pop();
    }
    this.#at++;
    return object;
  }

  #array(): unknown[] {
    const array: unknown[] = [];
    for (this.#at++; this.#next() !== ']'; this.#skip(',')) {
      this.#path.push(array.length);
      array.push(this.read());
      this.#path.pop();
    }
    this.#at++;
    return array;
  }

  #skip(character: string): void {
    if (this.#next() === character) this.#at++;
    this.#next();
  }

  #string(): string {
    const end = endOfString(this.#text, this.#at);
    const string = parseJson(this.#text.slice(this.#at, end)) as string;
    this.#at = end;
    return string;
  }

  #word<T>(value: T): T {
    this.#at += String(value).length;
    return value;
  }

  #number(): number | string | bigint {
    const token = numberAt(this.#text, this.#at);
    this.#at += token.length;
    if (isExactNumber(token)) return Number(token);
    if (this.#numbers === 'text') return token;
    if (this.#numbers === 'bigint' && /^-?\d+$/.test(token)) return BigInt(token);
    if (this.#onInexact === undefined) throw new InexactNumber(this.#path, token);
    this.#onInexact({ path: [...this.#path], token });
    return Number(token);
  }
}
