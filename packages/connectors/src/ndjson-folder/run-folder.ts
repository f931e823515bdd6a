import { open, unlink } from 'node:fs/promises';
import path from 'node:path';
import { makeDirectory } from '@leat/process-lock';
import { LeatError, messageOf, type SinkIdentity } from '@leat/core';
import { fromStart, type SinkContext } from '@leat/sdk';
import { errorCode } from '../sink/error-code.ts';
import { fenced } from '../sink/fenced.ts';
import { claimFolder, type Layout } from './claim-folder.ts';
import { newSession, Staging } from './staging.ts';

/** Errors that waiting does not mend when the folder is opened. */
const UNFIT = new Set([
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOTDIR',
  'EEXIST',
  'EISDIR',
  'ELOOP',
  'ENAMETOOLONG',
  'EINVAL',
]);

/** Where files are written before they get their final names. */
const TEMPORARIES: Readonly<Record<Layout, string>> = {
  'chunk-files': '.tmp',
  segments: '.staging',
};

/** The folders of one run, as one session uses them. */
export interface RunFolder {
  /** `dir/<run>`, with the segments. */
  readonly segments: string;
  /** `dir/<run>/receipts`, with one journal or more for each session. */
  readonly receipts: string;
  /** Unique among all sessions on all hosts; tells which process it belongs to. */
  readonly session: string;
  readonly fsync: boolean;
  readonly identity: SinkIdentity;
  /** How chunks are laid out in files; decided by who claimed the folder first. */
  readonly layout: Layout;
  /** Where files are written before they get their final names; absent in a session that only reads. */
  readonly staging?: Staging;
  /** Makes the names in a directory durable. */
  readonly syncDirectory: (directory: string) => Promise<void>;
}

/**
 * Makes the folders of a run if they are absent and the session is to commit, and proves that they can be
 * used: that they belong to this run and this saver, are writable and have hard links.
 *
 * @throws LeatError `sink-unfit`, `sink-taken` or `fenced`
 */
export async function openRunFolder(
  dir: string,
  context: SinkContext,
  fsync: boolean,
): Promise<RunFolder> {
  const { run, fence } = context;
  const segments = path.resolve(fromStart(dir), run.id);
  const receipts = path.join(segments, 'receipts');
  const session = newSession();
  const folder = {
    segments,
    receipts,
    session,
    fsync,
    syncDirectory: fsync ? syncDirectory : () => Promise.resolve(),
  };
  try {
    // Who only reads makes nothing: a folder that was moved away must not come back empty.
    if (fence !== undefined) {
      await makeDirectory(receipts);
      await folder.syncDirectory(path.dirname(segments));
      await folder.syncDirectory(segments);
    }
    // Before the fence is raised: another run must not keep the one from committing that the folder has.
    const { identity, layout } = await claimFolder(folder, context);
    if (fence === undefined) return { ...folder, identity, layout };
    await folder.syncDirectory(receipts);
    const temporaries = path.join(segments, TEMPORARIES[layout]);
    // Left by a session that wanted segments, and was not the first.
    if (layout === 'chunk-files') await unlink(temporaries).catch(() => undefined);
    const staging = new Staging(temporaries, session, fence);
    const higher = await staging.claim();
    if (higher !== undefined) throw fenced(context, higher);
    await folder.syncDirectory(temporaries);
    return { ...folder, identity, layout, staging };
  } catch (error) {
    if (!UNFIT.has(errorCode(error))) throw error;
    if (fence === undefined) {
      throw new LeatError(
        'sink-unfit',
        `The ndjson sink cannot read the directory ${segments} (${messageOf(error)}). Put back what the run was saved into.`,
        { cause: error },
      );
    }
    throw new LeatError(
      'sink-unfit',
      `The ndjson sink cannot write to the directory ${segments} (${messageOf(error)}). ` +
        'Give it a directory that it may create and write to.',
      { cause: error },
    );
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
