import { closeSync, openSync } from 'node:fs';
import path from 'node:path';
import {
  formatAge,
  formatReceipt,
  FORMATS,
  newerVersion,
  parseReceipt,
  type Receipt,
} from '@leat/core';
import { writeDurably } from './durable-write.ts';
import type { RunFolder } from './ndjson-folder.ts';

/** One line of a journal: the intent to commit a chunk by linking one certain file. */
export interface JournalEntry {
  readonly receipt: Receipt;
  /** Identity of the file to be linked, see `fileToken`. */
  readonly token: string;
}

/** One line: the receipt, a space, the token. */
function formatJournalEntry(entry: JournalEntry): string {
  return `${formatReceipt(entry.receipt)} ${entry.token}\n`;
}

/**
 * The inverse of {@link formatJournalEntry}, without the line feed; `undefined` for a damaged line. Receipts
 * of the first version of Leat had no fence.
 */
export function parseJournalEntry(line: string): JournalEntry | undefined {
  const end = line.lastIndexOf(' ');
  if (end < 0) return undefined;
  const token = line.slice(end + 1);
  if (!/^\d+:\d+$/.test(token)) return undefined;
  const text = line.slice(0, end);
  const receipt = parseReceipt(text) ?? parseReceipt(`${text} 0`);
  return receipt === undefined ? undefined : { receipt, token };
}

/** Begins the first line of a journal, before the version of its format; journals had none before. */
const HEADING = 'leat-journal ';

/**
 * How many bytes a journal's heading takes; 0 if it has none.
 *
 * @param beginning at least the first line, if that is a heading
 * @throws LeatError `newer-version`
 */
export function headingBytes(file: string, beginning: Buffer): number {
  if (!beginning.subarray(0, HEADING.length).equals(Buffer.from(HEADING))) return 0;
  const end = beginning.indexOf('\n');
  const version = beginning.toString('latin1', HEADING.length, end < 0 ? undefined : end);
  if (formatAge('journal', version) === 'newer') {
    throw newerVersion('journal', `The journal ${file}`, version);
  }
  return end + 1;
}

/**
 * The write-ahead journal of one session. Calls that arrive while a write is under way are written
 * together, with one `fdatasync` for all of them.
 *
 * After any error the file is left alone for ever and the next call begins a new one: a line may have
 * been written in part, and whatever came after it on the same line would be lost.
 */
export class Journal {
  readonly #folder: RunFolder;
  #fd: number | undefined;
  #files = 0;
  #batch: { text: string; written: Promise<void> } | undefined;
  #tail: Promise<void> = Promise.resolve();

  constructor(folder: RunFolder) {
    this.#folder = folder;
  }

  /** Resolves once the entries are durable. */
  append(entries: readonly JournalEntry[]): Promise<void> {
    if (this.#batch === undefined) {
      const batch = { text: '', written: Promise.resolve() };
      batch.written = this.#tail.then(() => {
        this.#batch = undefined;
        return this.#write(batch.text);
      });
      this.#tail = batch.written.catch(() => undefined);
      this.#batch = batch;
    }
    this.#batch.text += entries.map(formatJournalEntry).join('');
    return this.#batch.written;
  }

  async close(): Promise<void> {
    await this.#tail;
    this.#closeFile();
  }

  async #write(text: string): Promise<void> {
    const heading = this.#fd === undefined ? `${HEADING}${FORMATS.journal}\n` : '';
    this.#fd ??= await this.#create();
    try {
      await writeDurably(this.#fd, Buffer.from(heading + text), this.#folder.fsync);
    } catch (error) {
      this.#closeFile();
      throw error;
    }
  }

  #closeFile(): void {
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd !== undefined) closeSync(fd);
  }

  async #create(): Promise<number> {
    const name = `${this.#folder.session}-${this.#files++}.txt`;
    const fd = openSync(path.join(this.#folder.receipts, name), 'ax');
    try {
      await this.#folder.syncDirectory(this.#folder.receipts);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return fd;
  }
}
