import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChunkId } from '@leat/core';
import { SegmentIndex } from '../../packages/connectors/src/ndjson-folder/segment-index.ts';
import type { RunFolder } from '../../packages/connectors/src/ndjson-folder/run-folder.ts';

/** A run's folder of the sink `ndjson`, looked into from outside, also while it is written. */
export class SavedFolder {
  readonly #folder: string;
  readonly #index: SegmentIndex;

  constructor(folder: string) {
    this.#folder = folder;
    const receipts = join(folder, 'receipts');
    this.#index = new SegmentIndex({ segments: folder, receipts } as RunFolder);
  }

  /** The chunks that are saved, in dataset order. */
  async chunks(): Promise<readonly ChunkId[]> {
    await this.#index.look();
    return [...this.#index.committed.inOrder()].flat();
  }

  /** The path of the segment in which a text stands. */
  async segmentWith(text: string): Promise<string> {
    for (const file of await this.#segments()) {
      if ((await readFile(file, 'utf8')).includes(text)) return file;
    }
    throw new Error(`no segment in ${this.#folder} has ${text}`);
  }

  /** The lines of all segments. */
  async lines(): Promise<readonly string[]> {
    const texts = await Promise.all((await this.#segments()).map((file) => readFile(file, 'utf8')));
    return texts.flatMap((text) => text.split('\n').slice(0, -1));
  }

  async #segments(): Promise<readonly string[]> {
    const names = (await readdir(this.#folder)).filter((name) => name.endsWith('.ndjson'));
    return names.map((name) => join(this.#folder, name));
  }
}

/** How many chunks are saved in a run's folder. */
export async function savedChunks(folder: string): Promise<number> {
  return (await new SavedFolder(folder).chunks()).length;
}
