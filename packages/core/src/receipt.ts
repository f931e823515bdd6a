import { type Counts, formatCounts, parseCounts, recordsOf } from './counts.ts';
import { formatChunkId, parseChunkId } from './chunk-id.ts';
import { isDivisions } from './division.ts';
import { formatExecutions, parseExecutions } from './execution.ts';

/**
 * The word that a chunk is saved (or that nothing of it is left to save): its id and books, and the
 * digest of its bytes. It is committed together with the data and then sent to the fetcher.
 */
export interface Receipt {
  /** The chunk id, as `formatChunkId` writes it. */
  readonly chunk: string;
  readonly counts: Counts;
  /**
   * 32 hexadecimal digits over chunk id and saved bytes; empty when the chunk left nothing to save.
   */
  readonly digest: string;
  /** The run's fencing token under which it was committed; 0 when nobody knew it. */
  readonly fence: number;
  /** The executions that buried records of this chunk, see `newExecution`; most often empty. */
  readonly buried: readonly string[];
  /**
   * What the chunk of the dataset looked like that this one comes from: the fetcher's checksum, 8
   * hexadecimal digits. Absent for redriven records, and from an earlier version of Leat.
   */
  readonly source?: string;
  /** How the stages on its way divided what it comes from, see `divisionToken`; absent if none did. */
  readonly division?: string;
  /**
   * What a newer version of Leat says of the chunk in fields of its own, as they stand in the line:
   * `name=value`. This version passes them on.
   */
  readonly further?: readonly string[];
}

const SOURCE = 'source=';
const DIVISION = 'division=';
const DIGEST = /^(?:[0-9a-f]{32})?$/;
const FURTHER = /^[a-z][\w-]*=\S*$/;

/** How many records a receipt says are in the sink. */
export function savedRecords(receipt: Receipt): number {
  return recordsOf(receipt.counts);
}

/** Whether a text can be `Receipt.source`. */
export function isSourceChecksum(text: string): boolean {
  return /^[0-9a-f]{8}$/.test(text);
}

/**
 * One line: `chunk counts digest fence buried source=checksum division=tokens`; the last three are absent when there
 * is nothing to say. Fields of newer versions follow.
 */
export function formatReceipt(receipt: Receipt): string {
  const { chunk, counts, digest, fence, buried, source, division, further = [] } = receipt;
  let line = `${chunk} ${formatCounts(counts)} ${digest} ${fence}`;
  if (buried.length > 0) line += ` ${formatExecutions(buried)}`;
  if (source !== undefined) line += ` ${SOURCE}${source}`;
  if (division !== undefined) line += ` ${DIVISION}${division}`;
  return further.length === 0 ? line : `${line} ${further.join(' ')}`;
}

/** The inverse of {@link formatReceipt}; `undefined` for anything that it cannot have made. */
export function parseReceipt(line: string): Receipt | undefined {
  const [chunk = '', countsText = '', digest = '', fenceText = '', ...rest] = line.split(' ');
  const id = parseChunkId(chunk);
  const counts = parseCounts(countsText);
  const fence = parseFence(fenceText);
  const optional = parseOptional(rest);
  if (id === undefined || counts === undefined || fence === undefined) return undefined;
  if (optional === undefined || !DIGEST.test(digest)) return undefined;
  return { chunk: formatChunkId(id), counts, digest, fence, ...optional };
}

/** What stands in a receipt only if there is something to say. */
function parseOptional(
  fields: readonly string[],
): Pick<Receipt, 'buried' | 'source' | 'division' | 'further'> | undefined {
  const firstNamed = fields.findIndex(isNamed);
  const unnamed = firstNamed < 0 ? fields : fields.slice(0, firstNamed);
  const named = fields.slice(unnamed.length);
  const buried = parseExecutions(unnamed.join(' '));
  if (buried === undefined || unnamed.length !== Math.min(buried.length, 1)) return undefined;
  const source = take(named, SOURCE);
  if (source !== undefined && !isSourceChecksum(source)) return undefined;
  const division = take(named, DIVISION);
  if (division !== undefined && !isDivisions(division)) return undefined;
  if (!named.every(isFurther)) return undefined;
  return {
    buried,
    ...(source !== undefined && { source }),
    ...(division !== undefined && { division }),
    ...(named.length > 0 && { further: named }),
  };
}

/** Takes the first of the named fields, if it has this name. */
function take(named: string[], name: string): string | undefined {
  return named[0]?.startsWith(name) === true ? named.shift()?.slice(name.length) : undefined;
}

function isFurther(field: string): boolean {
  return FURTHER.test(field) && !field.startsWith(SOURCE) && !field.startsWith(DIVISION);
}

function isNamed(field: string): boolean {
  return field.includes('=');
}

function parseFence(text: string): number | undefined {
  const fence = Number(text);
  return /^(?:0|[1-9]\d*)$/.test(text) && Number.isSafeInteger(fence) ? fence : undefined;
}
