import { parseJson, stringifyJson } from './own-json.ts';
import { endOfString } from './read-json.ts';

const [SPACE, COMMA, OPEN, CLOSE] = [0x20, 0x2c, 0x7b, 0x7d];

/**
 * Adds fields to an object as it stands in JSON: they come behind its own, and all that was there stays byte for
 * byte. Where it has a field of that name, also one that is spelled with escapes or comes twice, only the value is
 * replaced. So it means what `{ ...object, ...fields }` means.
 *
 * @param object valid JSON of an object
 * @param fields the JSON of an object with at least one field, as `JSON.stringify` writes it
 * @param names of the fields; more do no harm
 */
export function addFields(object: string, fields: string, names: readonly string[]): string {
  if (mayHaveOneOf(object, names)) return replaceFields(object, fields);
  return append(object, fields.slice(1, -1));
}

/** Whether an object ends with the last brace of a line of valid JSON, so that fields can be added to it. */
export function isObjectText(line: string): boolean {
  return line.charCodeAt(lastNonSpace(line, line.length)) === CLOSE;
}

/** Names that are not written as they are have a backslash. */
function mayHaveOneOf(object: string, names: readonly string[]): boolean {
  for (const name of names) if (object.includes(`"${name}"`)) return true;
  return object.includes('\\');
}

/** @param members without the braces around them */
function append(object: string, members: string): string {
  const end = object.lastIndexOf('}');
  const isEmpty = object.charCodeAt(lastNonSpace(object, end)) === OPEN;
  return `${object.slice(0, end)}${isEmpty ? '' : ','}${members}${object.slice(end)}`;
}

function replaceFields(object: string, fields: string): string {
  const values = new Map<string, string>();
  for (const { name, from, to } of membersOf(fields)) values.set(name, fields.slice(from, to));
  const replaced = new Set<string>();
  let text = '';
  let at = 0;
  for (const { name, from, to } of membersOf(object)) {
    const value = values.get(name);
    if (value === undefined) continue;
    text += object.slice(at, from) + value;
    at = to;
    replaced.add(name);
  }
  text += object.slice(at);
  const added = [...values].filter(([name]) => !replaced.has(name));
  if (added.length === 0) return text;
  return append(text, added.map(([name, value]) => `${stringifyJson(name)}:${value}`).join(','));
}

/** A member of an object, and where its value stands. */
interface Member {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** The members of an object as it stands in valid JSON, which has at least one. */
function membersOf(object: string): Member[] {
  const members: Member[] = [];
  for (let at = object.indexOf('{') + 1; ; at++) {
    at = skipSpace(object, at);
    const end = endOfString(object, at);
    const name = parseJson(object.slice(at, end)) as string;
    const from = skipSpace(object, object.indexOf(':', end) + 1);
    const to = endOfValue(object, from);
    members.push({ name, from, to });
    at = skipSpace(object, to);
    if (object.charCodeAt(at) !== COMMA) return members;
  }
}

/** Where the value that begins here has ended. */
function endOfValue(text: string, from: number): number {
  let depth = 0;
  for (let at = from; ;) {
    const char = text[at] as string;
    if (char === '"') {
      at = endOfString(text, at);
      if (depth === 0) return at;
      continue;
    }
    if (char === '{' || char === '[') depth++;
    else if (char === '}' || char === ']') {
      // The end of the object that it is in.
      if (depth === 0) return at;
      if (--depth === 0) return at + 1;
    } else if (depth === 0 && (char === ',' || text.charCodeAt(at) <= SPACE)) return at;
    at++;
  }
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (text.charCodeAt(at) <= SPACE) at++;
  return at;
}

/** The place of the last character before `end` that is not a space. */
function lastNonSpace(text: string, end: number): number {
  let at = end - 1;
  while (text.charCodeAt(at) <= SPACE) at--;
  return at;
}
