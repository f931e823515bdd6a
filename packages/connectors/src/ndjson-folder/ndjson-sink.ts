import { checkName } from '@leat/core';
import type { Sink } from '@leat/sdk';
import { checkPath } from '../sink/check-path.ts';
import { openRunFolder } from './ndjson-folder.ts';
import { NdjsonSession } from './ndjson-session.ts';

/** How {@link ndjson} writes. */
export interface NdjsonOptions {
  /**
   * Whether to wait until data is on the disk before a chunk counts as saved. Without it a commit
   * survives the death of the process but not that of the machine, and a slow disk matters less.
   *
   * @defaultValue `true`
   */
  readonly fsync?: boolean;
}

/**
 * Saves each chunk as a file of newline-delimited JSON, exactly as it arrived. `cat out/<run>/*.ndjson`
 * is the dataset in order.
 *
 * ```text
 * out/<run>/000000042.ndjson       a segment: the body of chunk 42
 * out/<run>/000000043.0-2.ndjson   the first of the two that chunk 43 became
 * out/<run>/receipts/.claim        which run of which pipeline and saver it belongs to
 * out/<run>/receipts/*.txt         journals: one line for each chunk that was to be committed
 * out/<run>/.tmp/<fence>/          files on their way to their final name
 * ```
 *
 * **Commit.** The bodies are written to `.tmp` and synced; then their receipts are appended to the
 * session's own journal and synced; then each file is linked to its final name; then the directory is
 * synced. A chunk is committed if and only if its final name exists. `link` is atomic and fails if the
 * name exists, so of any number of sessions, processes and hosts that commit the same chunk exactly one
 * succeeds, without locks, and none can ever see half a segment. A rename would overwrite silently.
 *
 * **Fence.** The one who opens under a higher fence renames the folders of the lower ones away: what a stale
 * session is about to link is not there any more. `Staging` says why that is enough.
 *
 * The folder must be on a file system with hard links (any local one, NFS) and belongs to one saver.
 *
 * @example
 * ```ts
 * const people = saver('people', { from: adults, sink: ndjsonSink('out') });
 * ```
 * @param dir where the runs' folders are made; relative to where the process was started
 */
export function ndjsonSink(dir: string, options: NdjsonOptions = {}): Sink {
  checkPath('ndjsonSink', 'dir', dir);
  return {
    kind: 'ndjson',
    open: async (context) => {
      checkName('run', context.run.id);
      const fsync = options.fsync ?? true;
      const folder = await openRunFolder(dir, context, fsync);
      return new NdjsonSession(folder, context);
    },
  };
}
