import { createReadStream, existsSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { recordOf } from './record.ts';

const READ_BYTES = 1024 * 1024;
const LINE_FEED = 10;

/** Writes a dataset, unless it is there from another scenario, and gives its path. */
export async function dataset(
  folder: string,
  records: number,
  recordBytes: number,
): Promise<string> {
  const file = join(folder, `${records}-records-of-${recordBytes}.ndjson`);
  if (existsSync(file)) return file;
  const handle = await open(`${file}.part`, 'w');
  let text = '';
  for (let id = 0; id < records; id++) {
    text += `${JSON.stringify(recordOf(id, recordBytes))}\n`;
    if (text.length < READ_BYTES && id < records - 1) continue;
    await handle.write(text);
    text = '';
  }
  await handle.sync();
  await handle.close();
  await rename(`${file}.part`, file);
  return file;
}

/** Cuts a dataset into chunks of lines: the source of every contender but Leat, which has its own. */
export async function* readChunks(file: string, chunkSize: number): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  let lines = 0;
  let scanned = 0;
  for await (const data of createReadStream(file, { highWaterMark: READ_BYTES })) {
    const buffer = rest.length === 0 ? (data as Buffer) : Buffer.concat([rest, data as Buffer]);
    let start = 0;
    for (let at = buffer.indexOf(LINE_FEED, scanned); at !== -1;) {
      lines++;
      if (lines === chunkSize) {
        yield buffer.subarray(start, at + 1);
        start = at + 1;
        lines = 0;
      }
      scanned = at + 1;
      at = buffer.indexOf(LINE_FEED, scanned);
    }
    rest = buffer.subarray(start);
    scanned -= start;
  }
  if (rest.length > 0) yield rest;
}
