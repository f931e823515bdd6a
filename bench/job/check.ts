import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Job } from './job.ts';
import { readChunks } from './dataset.ts';

const LINES_AT_ONCE = 1_000;
/** PostgreSQL writes fields in an order of its own. */
const ID = /^\{.*?"id":(\d+).*\}$/;

/**
 * Reads back what a contender wrote.
 *
 * @returns how many records were saved more than once
 * @throws Error if a record is missing, torn, or not transformed
 */
export async function checkOutput({ dir, records, transform }: Job): Promise<number> {
  const seen = new Uint8Array(records);
  const wantsTotal = transform !== 'bytes' && transform !== 'identity';
  let lines = 0;
  let distinct = 0;
  for (const file of await outputFiles(join(dir, 'out'))) {
    for await (const text of textsOf(file)) {
      for (const line of text.split('\n')) {
        if (line === '') continue;
        lines++;
        const id = Number(ID.exec(line)?.[1]);
        if (!(id < records)) throw new Error(`torn line in ${file}: ${line.slice(0, 100)}`);
        if (wantsTotal && !line.includes('"total":')) {
          throw new Error(`record ${id} was not transformed: ${line.slice(0, 300)}`);
        }
        distinct += 1 - (seen[id] as number);
        seen[id] = 1;
      }
    }
  }
  if (distinct < records) {
    throw new Error(`${records - distinct} records of ${records} are missing`);
  }
  return lines - distinct;
}

async function outputFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ndjson'))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** A contender writes a large file for each process that saves, or many small ones. */
async function* textsOf(file: string): AsyncGenerator<string> {
  if (!file.endsWith('all.ndjson')) {
    yield await readFile(file, 'latin1');
    return;
  }
  for await (const chunk of readChunks(file, LINES_AT_ONCE)) yield chunk.toString('latin1');
}
