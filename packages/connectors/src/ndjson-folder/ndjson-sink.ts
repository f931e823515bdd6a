import { checkName } from '@leat/core';
import type { Sink } from '@leat/sdk';
import { checkPath } from '../sink/check-path.ts';
import { ChunkFilesSession } from './chunk-files/chunk-files-session.ts';
import { openRunFolder } from './run-folder.ts';
import { SegmentsSession } from './segments-session.ts';

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
 * Saves chunks in files of newline-delimited JSON, exactly as they arrived: what is committed together, up to
 * 32 chunks of a saver, is one file, a *segment*. `cat out/<run>/*.ndjson` has each record once, in the order
 * of the commits; `leat export` gives dataset order.
 *
 * ```text
 * out/<run>/segment-000000017.ndjson   the chunks of the eighteenth commit, one after the other
 * out/<run>/receipts/.claim            which run of which pipeline and saver it belongs to
 * out/<run>/receipts/*.txt             journals: which chunks are in which segment, a line for each
 * out/<run>/.staging/<fence>/          files on their way to their final name
 * out/<run>/.tmp                       a file that keeps earlier versions of Leat off
 * ```
 *
 * **Commit.** The bodies of the chunks that are not there yet are written to one file in `.staging`, and their
 * receipts to the session's own journal, with the number that the segment is to have: the first that is free.
 * Both are synced; then the file is linked to its final name; then the directory is synced. A chunk is
 * committed if and only if a segment has it. `link` is atomic and fails if the name exists, so all sessions,
 * processes and hosts agree on one order of segments, without locks, and none can ever see half of one. Who
 * finds the number taken reads in the journals which chunks that segment has. If some are its own, it writes its
 * file anew without them; then it tries for the next number. So a session that links a segment knows all before it.
 *
 * **Fence.** The one who opens under a higher fence renames the folders of the lower ones away: what a stale
 * session is about to link is not there any more. `Staging` says why that is enough.
 *
 * **Folders of an earlier version** have a file for each chunk. A run that was begun so ends so, and savers of
 * both versions can work on it.
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
      return folder.layout === 'segments'
        ? new SegmentsSession(folder, context)
        : new ChunkFilesSession(folder, context);
    },
  };
}
