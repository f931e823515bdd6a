import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const LOOK_MS = 50;

/** When the part of a job was over that does not count, and how much of the output stood there then. */
export interface Warm {
  readonly at: number;
  readonly bytes: number;
}

/**
 * Watches a job's output from outside, until so much of it is written. V8 compiles what it calls often in a
 * process's first seconds, a larger program longer; who is to run for hours is measured when that is over.
 */
export class WarmUp {
  readonly #folder: string;
  readonly #bytes: number;
  readonly #timer: NodeJS.Timeout;
  #over: Warm | undefined;

  /** @param folder need not be there yet */
  constructor(folder: string, bytes: number) {
    this.#folder = folder;
    this.#bytes = bytes;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** Ends the watch. @returns `undefined` if so much was never seen before the job's end */
  stop(): Warm | undefined {
    clearInterval(this.#timer);
    return this.#over;
  }

  #look(): void {
    const bytes = outputBytes(this.#folder);
    if (bytes < this.#bytes) return;
    this.#over = { at: Date.now(), bytes };
    clearInterval(this.#timer);
  }
}

/** How many bytes of records are in a folder and those below. */
export function outputBytes(folder: string): number {
  let bytes = 0;
  for (const file of namesIn(folder)) {
    if (!file.endsWith('.ndjson')) continue;
    bytes += statSync(join(folder, file), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true }) as string[];
  } catch {
    return []; // It is not there yet, or a part of it was moved meanwhile.
  }
}
