import { stringifyJson } from './own-json.ts';
import { plainJson } from './plain-json.ts';
import { messageOf } from './thrown.ts';

/** A value that survives `JSON.stringify` and `JSON.parse` unchanged. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** A value written as JSON, or why JSON cannot hold it exactly, with the path: `items.0.at is an instance of Date`. */
export type JsonText = { readonly text: string } | { readonly fault: string };

/**
 * Writes a value as JSON, if `JSON.parse` gives the same value back. What is written is what was judged: each
 * part is read once, and no `toJSON` is called. A property that is `undefined` counts as absent, and -0 as 0.
 * It never throws.
 *
 * @param bigints given where a `BigInt` may be written as a number
 */
export function jsonText(value: unknown, bigints?: 'bigints'): JsonText {
  try {
    const text = plainJson(value) ?? new JsonWriter(bigints !== undefined).write(value, '');
    return { text };
  } catch (error) {
    if (error instanceof NotJson) return { fault: error.message };
    // A getter or a proxy threw, or it is nested too deeply.
    return { fault: `it cannot be read: ${messageOf(error)}` };
  }
}

/** Text in which JSON escapes nothing; to see that is cheaper than a call of `JSON.stringify`. */
const PLAIN_TEXT = /^[ !#-[\]-\ud7ff\ue000-\uffff]*$/;

function quoted(text: string): string {
  return PLAIN_TEXT.test(text) ? `"${text}"` : stringifyJson(text);
}

class NotJson extends Error {}

class JsonWriter {
  readonly #hasBigInts: boolean;
  /** The objects that the part which is being written is in, and their names. */
  readonly #within: object[] = [];
  readonly #path: (string | number)[] = [];

  constructor(hasBigInts: boolean) {
    this.#hasBigInts = hasBigInts;
  }

  write(value: unknown, key: string | number): string {
    switch (typeof value) {
      case 'string':
        return quoted(value);
      case 'number':
        if (!Number.isFinite(value)) throw this.#fault(key, `${value}`);
        return `${value}`;
      case 'boolean':
        return value ? 'true' : 'false';
      case 'object':
        return value === null ? 'null' : this.#container(value, key);
      case 'undefined':
        throw this.#fault(key, 'undefined');
      case 'bigint':
        if (!this.#hasBigInts) throw this.#fault(key, 'a bigint');
        return `${value}`;
      case 'function':
      case 'symbol':
        throw this.#fault(key, `a ${typeof value}`);
    }
  }

  #container(value: object, key: string | number): string {
    if (this.#within.includes(value)) throw this.#fault(key, 'a part of itself');
    const isArray = Array.isArray(value);
    const prototype: unknown = Object.getPrototypeOf(value);
    if (isArray ? !isArrayPrototype(prototype) : !isObjectPrototype(prototype)) {
      throw this.#fault(key, kindOf(value));
    }
    if (typeof (value as { readonly toJSON?: unknown }).toJSON === 'function') {
      throw this.#fault(key, 'an object with a toJSON method');
    }
    const keys = Object.keys(value);
    // An array hides its length, and a template its raw text. `Reflect.ownKeys` takes four times as long.
    const all = isArray ? keys.length : Object.getOwnPropertyNames(value).length;
    const hidden = all - keys.length + Object.getOwnPropertySymbols(value).length;
    if (hidden > 0) {
      throw this.#fault(key, 'an object with hidden properties or symbols as keys');
    }
    this.#within.push(value);
    this.#path.push(key);
    const text = isArray ? this.#array(value, keys.length) : this.#object(value, keys);
    this.#within.pop();
    this.#path.pop();
    return text;
  }

  #object(value: object, keys: readonly string[]): string {
    let text = '';
    for (const key of keys) {
      const part = (value as Readonly<Record<string, unknown>>)[key];
      if (part === undefined) continue;
      text += `${text === '' ? '' : ','}${quoted(key)}:${this.write(part, key)}`;
    }
    return `{${text}}`;
  }

  /** @param properties how many it has, length aside: one for each value that is no hole */
  #array(values: readonly unknown[], properties: number): string {
    let text = '';
    const { length } = values;
    // By index, so that holes count.
    for (let at = 0; at < length; at++) {
      text += `${at === 0 ? '' : ','}${this.write(values[at], at)}`;
    }
    if (properties === length) return `[${text}]`;
    const key = this.#path.pop() as string | number;
    throw this.#fault(key, 'an array with properties of its own');
  }

  #fault(key: string | number, what: string): NotJson {
    // The outermost has no name.
    const path = [...this.#path, key].slice(1).join('.');
    return new NotJson(`${path === '' ? 'it' : path} is ${what}`);
  }
}

/** Whether it is `Object.prototype`, of whatever context of the process, or nothing. */
function isObjectPrototype(prototype: unknown): boolean {
  if (prototype === Object.prototype || prototype === null) return true;
  return (
    Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf')
  );
}

/** Whether it is `Array.prototype`, of whatever context of the process: it is an array itself. */
function isArrayPrototype(prototype: unknown): boolean {
  return prototype === Array.prototype || Array.isArray(prototype);
}

function kindOf(value: object): string {
  const { constructor: made } = value as { readonly constructor?: unknown };
  if (typeof made !== 'function') return 'an instance of a class';
  return made === Object ? 'an object that inherits from another' : `an instance of ${made.name}`;
}
