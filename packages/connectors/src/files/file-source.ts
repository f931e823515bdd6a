import type { PositionUnit } from '@leat/core';
import { LeatError } from '@leat/core';
import type { Source, SourceChunk, SourceRequest } from '@leat/sdk';
import { ChunkBuilder, type Cut } from '../chunk-builder.ts';
import { damaged } from './damage.ts';
import { parseFileCursor, toFileCursor } from './file-cursor.ts';
import { FileInput } from './file-input.ts';
import { type FilePaths, listFiles } from './file-list.ts';
import { GzipFault } from './gunzip.ts';

/** What every file source can be told. */
export interface FileOptions {
  /**
   * The longest record, in bytes. A longer one ends the run, because a file that lacks a line break or a
   * closing quote would otherwise fill the memory.
   * @defaultValue `67_108_864` (64 MiB)
   */
  readonly maxRecordBytes?: number;
  /**
   * Bytes per read. A chunk in flight keeps alive the buffer that it was read into, so this is also the
   * least memory that a slow chunk holds.
   * @defaultValue `262_144` (256 KiB)
   */
  readonly readBytes?: number;
}

const DEFAULT_FILE_OPTIONS: Required<FileOptions> = {
  maxRecordBytes: 64 * 1024 * 1024,
  readBytes: 256 * 1024, // as fast as 1 MiB, because it stays in the processor's cache
};

/** Where a scanner begins, and where its records go. */
export interface ScanStart {
  readonly input: FileInput;
  /** The byte offset of the first buffer. */
  readonly at: number;
  /** The number of the first record, or `undefined` at the beginning of the file. */
  readonly next: number | undefined;
  readonly maxRecordBytes: number;
  readonly builder: ChunkBuilder;
}

/**
 * Finds the records in the bytes of one file and adds them to the builder. Both methods throw
 * `source-damaged` when the file is not what it should be, after they have added all that is good.
 */
export interface RecordScanner {
  /** Takes the next buffer, which is the scanner's to write to. */
  readonly push: (buffer: Buffer) => void;
  readonly end: () => void;
}

/** A chunk of a file. */
interface FileCut extends Cut {
  /** Whether what follows it cannot be read. */
  readonly isAtDamage?: boolean;
}

/** A file format: how its records are found and counted. */
export interface FileFormat {
  readonly kind: string;
  readonly unit: PositionUnit;
  readonly scan: (start: ScanStart) => RecordScanner | Promise<RecordScanner>;
}

/** A source that reads files, one after the other. */
export function fileSource(format: FileFormat, paths: FilePaths, options: FileOptions): Source {
  checkPaths(format.kind, paths);
  return {
    kind: format.kind,
    chunks: (request) => readFiles(format, paths, { ...DEFAULT_FILE_OPTIONS, ...options }, request),
  };
}

/**
 * A variable that is not set must not be read as a file.
 *
 * @param paths as a file in JavaScript may give them
 */
function checkPaths(kind: string, paths: unknown): void {
  const all: readonly unknown[] = Array.isArray(paths) ? paths : [paths];
  const wrong = all.find((path) => typeof path !== 'string' || path === '' || path.includes('\0'));
  if (wrong === undefined && !all.includes(undefined)) return;
  const found = typeof wrong === 'string' ? JSON.stringify(wrong) : String(wrong);
  throw new LeatError(
    'source-missing',
    `${kind}: expected a path, several, or a glob, got ${found}: is a variable not set?`,
  );
}

async function* readFiles(
  format: FileFormat,
  paths: FilePaths,
  options: Required<FileOptions>,
  request: SourceRequest,
): AsyncGenerator<SourceChunk, void, undefined> {
  request.signal.throwIfAborted();
  const files = await listFiles(paths);
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const start = parseFileCursor(format.kind, request.cursor, files);
  let before = files.slice(0, start.file).reduce((sum, { bytes }) => sum + bytes, 0);
  for (let index = start.file; index < files.length; index++) {
    const file = files[index]!;
    const input = await FileInput.open(file, options.readBytes, request.signal);
    try {
      const place = index === start.file ? start : { at: 0, next: undefined };
      for await (const cut of readFile(format, input, place, options, request)) {
        request.signal.throwIfAborted();
        const { at, next, first, isAtDamage = false, ...rest } = cut;
        const read = before + (input.isGzip ? input.consumed : at);
        yield {
          ...rest,
          nextCursor: toFileCursor(files, index, at, next, isAtDamage),
          position: { source: file.name, unit: format.unit, first },
          fraction: Math.min(1, read / total),
        };
      }
    } finally {
      await input.close();
    }
    before += file.bytes;
  }
}

async function* readFile(
  format: FileFormat,
  input: FileInput,
  place: { readonly at: number; readonly next: number | undefined },
  options: Required<FileOptions>,
  { chunkSize, maxBytes }: SourceRequest,
): AsyncGenerator<FileCut, void, undefined> {
  const builder = new ChunkBuilder({ chunkSize, maxBytes });
  try {
    const { at, buffers } = await input.contentFrom(place.at);
    const { maxRecordBytes } = options;
    const scanner = await format.scan({ input, at, next: place.next, maxRecordBytes, builder });
    for await (const buffer of buffers) {
      scanner.push(buffer);
      yield* builder.takeCuts();
    }
    scanner.end();
  } catch (error) {
    const fault =
      error instanceof GzipFault
        ? gzipDamage(format, input, builder.next ?? place.next, error)
        : error;
    if (!(fault instanceof LeatError) || fault.code !== 'source-damaged') throw fault;
    // What is good comes first, then the fault.
    builder.cut();
    const cuts = builder.takeCuts();
    for (const [index, cut] of cuts.entries()) {
      yield { ...cut, isAtDamage: index === cuts.length - 1 };
    }
    throw fault;
  }
  builder.cut();
  yield* builder.takeCuts();
}

function gzipDamage(
  { unit }: FileFormat,
  { name }: FileInput,
  next: number | undefined,
  fault: GzipFault,
): LeatError {
  if (next === undefined) {
    return damaged(
      `${name} is cut short or corrupt (gzip: ${fault.message}); no ${unit} could be read.`,
      fault,
    );
  }
  return damaged(
    fault.isCutShort
      ? `${name} is cut short (gzip: ${fault.message}); all before ${unit} ${next} is good.`
      : `${name} is corrupt (gzip: ${fault.message}); what was read before ${unit} ${next} may be damaged, too: mend it and start a new run.`,
    fault,
  );
}
