import { closeSync, openSync } from 'node:fs';
import path from 'node:path';
import { formatAge, newerVersion } from '@leat/core';
import { writeDurably } from './durable-write.ts';
import type { RunFolder } from './run-folder.ts';

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

/** Lines that wait for their turn to be written. */
interface Batch {
  text: string;
  isDurable: boolean;
  written: Promise<void>;
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
  readonly #version: number;
  #fd: number | undefined;
  #files = 0;
  #batch: Batch | undefined;
  #tail: Promise<void> = Promise.resolve();

  /** @param version of its format, for the heading */
  constructor(folder: RunFolder, version: number) {
    this.#folder = folder;
    this.#version = version;
  }

  /** Resolves once the lines are durable. */
  append(lines: string): Promise<void> {
    return this.#append(lines, this.#folder.fsync);
  }

  /** Resolves once the lines are written: they survive the process, and need not survive the machine. */
  note(lines: string): Promise<void> {
    return this.#append(lines, false);
  }

  async close(): Promise<void> {
    await this.#tail;
    this.#closeFile();
  }

  #append(lines: string, isDurable: boolean): Promise<void> {
    if (this.#batch === undefined) {
      const batch: Batch = { text: '', isDurable: false, written: Promise.resolve() };
      batch.written = this.#tail.then(() => {
        this.#batch = undefined;
        return this.#write(batch);
      });
      this.#tail = batch.written.catch(() => undefined);
      this.#batch = batch;
    }
    this.#batch.text += lines;
    this.#batch.isDurable ||= isDurable;
    return this.#batch.written;
  }

  async #write({ text, isDurable }: Batch): Promise<void> {
    const heading = this.#fd === undefined ? `${HEADING}${this.#version}\n` : '';
    this.#fd ??= await this.#create();
    try {
      await writeDurably(this.#fd, [Buffer.from(heading + text)], isDurable);
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
