import { type ChunkId, formatReceipt, parseChunkId, parseReceipt, type Receipt } from '@leat/core';
import type { Stretch } from './committed-chunks.ts';

/** The chunks of one commit, as a journal speaks of them. */
export interface Group {
  /** No other group has it, of no session. */
  readonly name: string;
  /** The number of the segment that it is to become. */
  readonly segment: number;
  /** Identity of its file, see `fileToken`; absent where only the number changes. */
  readonly token?: string;
}

/** A group with its chunks, as it was found in a journal. */
export interface FoundGroup extends Group {
  /** Where its heading begins in what was read. */
  readonly start: number;
  /** Where the line of its first chunk begins; `end` for a change of number. */
  readonly lines: number;
  readonly end: number;
}

/** A chunk of a group: its receipt, and where its body stands in the segment. */
export interface GroupChunk {
  readonly receipt: Receipt;
  readonly offset: number;
  readonly bytes: number;
  /** Whether it is the segment's last: whatever follows in the file was added to it. */
  readonly isLast: boolean;
}

const LINE_FEED = 0x0a;
const HEADING = /^segment (\d{1,15}) (\S+)(?: (\d+:\d+) (\d{1,9}))?$/;
const BYTES = /^(?:0|[1-9]\d{0,14})$/;

/**
 * The lines of a group: `segment number name token chunks`, and then a line for each chunk, its receipt and
 * the bytes of its body.
 */
export function formatGroup(
  { name, segment, token }: Required<Group>,
  chunks: readonly { readonly receipt: Receipt; readonly bytes: number }[],
): string {
  let text = `segment ${segment} ${name} ${token} ${chunks.length}\n`;
  for (const { receipt, bytes } of chunks) text += `${formatReceipt(receipt)} ${bytes}\n`;
  return text;
}

/** The line for a group that is to become a segment of another number, because its number was taken. */
export function formatMove({ name, segment }: Group): string {
  return `segment ${segment} ${name}\n`;
}

/** The groups that are there as a whole. A line that is no heading where one should be is passed over. */
export function* groupsIn(lines: Buffer): Generator<FoundGroup, void> {
  for (let start = 0; start < lines.length;) {
    let end = afterLine(lines, start);
    if (end === 0) return;
    const first = end;
    const heading = HEADING.exec(lines.toString('latin1', start, end - 1));
    if (heading !== null) {
      const [, segment, name = '', token, chunks] = heading;
      for (let n = Number(chunks ?? 0); n > 0; n--) {
        end = afterLine(lines, end);
        if (end === 0) return;
      }
      const group = { name, segment: Number(segment), start, lines: first, end };
      yield token === undefined ? group : { ...group, token };
    }
    start = end;
  }
}

/** Which chunks a group has, without reading more of their lines than the ids. */
export function stretchesOf(lines: Buffer, group: FoundGroup): Stretch[] {
  const stretches: { path: string; from: number; to: number }[] = [];
  for (let at = group.lines; at < group.end; at = afterLine(lines, at)) {
    const { seq, path } = idAt(lines, at);
    const last = stretches.at(-1);
    if (last?.to === seq && last.path === path) last.to++;
    else stretches.push({ path, from: seq, to: seq + 1 });
  }
  return stretches;
}

/**
 * The chunks of a group.
 *
 * @param isWanted whether a chunk's line is to be read, by its id; all, if it is absent
 */
export function* chunksOf(
  lines: Buffer,
  group: FoundGroup,
  isWanted?: (chunk: string) => boolean,
): Generator<GroupChunk, void> {
  let offset = 0;
  for (let at = group.lines; at < group.end;) {
    const next = afterLine(lines, at);
    const line = lines.toString('latin1', at, next - 1);
    const last = line.lastIndexOf(' ');
    const bytes = line.slice(last + 1);
    if (!BYTES.test(bytes)) return;
    const size = Number(bytes);
    if (isWanted === undefined || isWanted(line.slice(0, line.indexOf(' ')))) {
      const receipt = parseReceipt(line.slice(0, last));
      if (receipt !== undefined) {
        yield { receipt, offset, bytes: size, isLast: next === group.end };
      }
    }
    offset += size;
    at = next;
  }
}

/** Nearly every id is a number alone, and that is read without making a text of it. */
function idAt(bytes: Buffer, at: number): ChunkId {
  let seq = 0;
  for (let i = at; ; i++) {
    const digit = (bytes[i] ?? 0) - 0x30;
    if (digit >= 0 && digit <= 9) seq = seq * 10 + digit;
    else if (digit === -0x10) return { seq, path: '' };
    else break;
  }
  const text = bytes.toString('latin1', at, bytes.indexOf(0x20, at));
  return parseChunkId(text) ?? { seq: 0, path: text };
}

/** Where the line after this one begins; 0 if this one has no end. */
function afterLine(bytes: Buffer, at: number): number {
  return bytes.indexOf(LINE_FEED, at) + 1;
}
