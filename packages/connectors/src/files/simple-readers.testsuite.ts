import { isUtf8 } from 'node:buffer';
import { crc32, inflateRawSync } from 'node:zlib';

/** One record as it must come out of a file, or be rejected. */
export interface Expected {
  readonly number: number;
  /** The bytes of its line, without line break; absent if it is to be rejected. */
  readonly line?: Buffer;
}

/** What must come out of a file. */
interface Reading {
  readonly records: readonly Expected[];
  /** Whether the file cannot be read any further than that. */
  readonly isDamaged: boolean;
}

const DAMAGED: Reading = { records: [], isDamaged: true };

/** A whole file in memory, read in the simplest way. */
export type SimpleReader = (content: Buffer, maxRecordBytes: number) => Reading;

/** Without the byte order mark; `undefined` for UTF-16. */
export function withoutMark(content: Buffer): Buffer | undefined {
  const start = content.toString('latin1', 0, 3);
  if (start.startsWith('\xff\xfe') || start.startsWith('\xfe\xff')) return undefined;
  return start === '\xef\xbb\xbf' ? content.subarray(3) : content;
}

export const simpleNdjson: SimpleReader = (content, maxRecordBytes) => {
  const text = withoutMark(content)?.toString('latin1');
  if (text === undefined) return DAMAGED;
  const records: Expected[] = [];
  if (!text.includes('\n') && text.trim().includes('\r') && !isJson(text)) return DAMAGED;
  for (const [index, line] of text.split('\n').entries()) {
    if (line.length > maxRecordBytes) return { records, isDamaged: true };
    if (/^[ \t\r]*$/.test(line)) continue;
    records.push({ number: index + 1, line: Buffer.from(line, 'latin1') });
  }
  return { records, isDamaged: false };
};

function isJson(latin1: string): boolean {
  try {
    JSON.parse(Buffer.from(latin1, 'latin1').toString());
    return true;
  } catch {
    return false;
  }
}

/** Reads CSV with a header. */
export const simpleCsv: SimpleReader = (content, maxRecordBytes) => {
  const text = withoutMark(content)?.toString('latin1');
  if (text === undefined) return DAMAGED;
  const unquoted = text.replaceAll(/"[^"]*(?:"|$)/g, '');
  const lineEnd = unquoted.includes('\r') && !unquoted.includes('\n') ? '\r' : '\n';
  const records: Expected[] = [];
  let names: readonly string[] | undefined;
  for (let at = 0, number = 1; at < text.length;) {
    const { end, known, fields } = simpleRow(text, at, lineEnd);
    if (Math.max(known, end) - at > maxRecordBytes) return { records, isDamaged: true };
    const bytes = Buffer.from(text.slice(at, end), 'latin1');
    const isBlank = /^[\r\n]+$/.test(bytes.toString('latin1'));
    const values = isUtf8(bytes)
      ? fields?.map((field) => Buffer.from(field, 'latin1').toString())
      : undefined;
    if (isBlank) {
      // Nothing comes of it.
    } else if (names === undefined) {
      if (values === undefined || new Set(values).size < values.length) return DAMAGED;
      const isDelimited = values.length === 1 && text[at] !== '"' && /[|;\p{Cc}]/u.test(values[0]!);
      if (isDelimited) return DAMAGED;
      names = values;
    } else if (values?.length === names.length) {
      const pairs = names.map((name, i) => `${JSON.stringify(name)}:${JSON.stringify(values[i])}`);
      records.push({ number, line: Buffer.from(`{${pairs.join(',')}}`) });
    } else {
      records.push({ number });
    }
    number += text.slice(at, end).split(lineEnd).length - 1;
    at = end;
  }
  return { records, isDamaged: false };
};

/** The row at `from`: where it ends, how far one must read to know that, and its fields, unless it is bad. */
function simpleRow(
  text: string,
  from: number,
  lineEnd: string,
): { end: number; known: number; fields?: readonly string[] } {
  const endOfLine = (at: number): number => text.indexOf(lineEnd, at) + 1 || text.length;
  const fields: string[] = [];
  for (let at = from; ;) {
    const isQuoted = text[at] === '"';
    const field = matchAt(isQuoted ? /"(?:[^"]|"")*"(?!")/y : /[^",\r\n]*/y, text, at);
    at = field === undefined ? text.length : at + field.length;
    fields.push(isQuoted ? (field ?? '').slice(1, -1).replaceAll('""', '"') : (field ?? ''));
    if (field !== undefined && text[at] === ',') {
      at++;
      continue;
    }
    const breaks = matchAt(lineEnd === '\n' ? /\r*(?:\n|$)/y : /\r|$/y, text, at);
    if (field !== undefined && breaks !== undefined) {
      return { end: at + breaks.length, known: 0, fields };
    }
    const fault = at + (lineEnd === '\n' ? (matchAt(/\r*/y, text, at) ?? '').length : 0);
    const hasSwallowed = text.slice(from, fault).includes(lineEnd);
    return hasSwallowed
      ? { end: endOfLine(from), known: Math.min(fault + 1, text.length) }
      : { end: endOfLine(fault), known: 0 };
  }
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** The content of a gzip file, member by member as RFC 1952 has it; `undefined` if it is damaged. */
export function simpleGunzip(file: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; at < file.length;) {
    const member = file.subarray(at);
    // Zeros behind the last member are padding.
    if (parts.length > 0 && member.every((byte) => byte === 0)) break;
    const headerBytes = simpleGzipHeader(member);
    if (headerBytes === undefined) return undefined;
    const deflated = member.subarray(headerBytes);
    let content: Buffer;
    let used: number;
    try {
      const { buffer, engine } = inflateRawSync(deflated, { info: true }) as unknown as {
        readonly buffer: Buffer;
        readonly engine: { readonly bytesWritten: number };
      };
      [content, used] = [buffer, engine.bytesWritten];
    } catch {
      return undefined;
    }
    const trailer = deflated.subarray(used, used + 8);
    if (trailer.length < 8 || trailer.readUInt32LE(0) !== crc32(content)) return undefined;
    if (trailer.readUInt32LE(4) !== content.length % 2 ** 32) return undefined;
    parts.push(content);
    at += headerBytes + used + 8;
  }
  return Buffer.concat(parts);
}

/** How long the header of a member is. */
function simpleGzipHeader(member: Buffer): number | undefined {
  const flags = member[3] ?? 0xff;
  if (member.length < 10 || member.readUInt16BE(0) !== 0x1f8b || member[2] !== 8) return undefined;
  if (flags >= 0x20) return undefined;
  let end = 10;
  if ((flags & 4) !== 0) end += 2 + (end + 2 <= member.length ? member.readUInt16LE(end) : 0);
  for (const flag of [8, 16]) {
    if ((flags & flag) === 0) continue;
    end = member.indexOf(0, end) + 1;
    if (end === 0) return undefined;
  }
  if ((flags & 2) !== 0) {
    if (end + 2 > member.length) return undefined;
    if (member.readUInt16LE(end) !== (crc32(member.subarray(0, end)) & 0xffff)) return undefined;
    end += 2;
  }
  return end <= member.length ? end : undefined;
}
