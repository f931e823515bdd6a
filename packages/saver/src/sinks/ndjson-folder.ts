import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { LeatError, messageOf } from '@leat/core';
import type { SinkContext } from '@leat/sdk';
import { errorCode } from './error-code.ts';
import { fenced } from './fenced.ts';
import { Staging } from './ndjson-staging.ts';
import { hostToken } from './process-alive.ts';

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
/** What `link` answers on a file system that has no hard links. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV']);

/** The folders of one run, as one session uses them. */
export interface RunFolder {
  /** `dir/<run>`, with one segment for each chunk. */
  readonly segments: string;
  /** `dir/<run>/receipts`, with one journal or more for each session. */
  readonly receipts: string;
  /** Unique among all sessions on all hosts; tells which process it belongs to. */
  readonly session: string;
  readonly fsync: boolean;
  /** Where files are written before they get their final names; absent in a session that only reads. */
  readonly staging?: Staging;
  /** Makes the names in a directory durable. */
  readonly syncDirectory: (directory: string) => Promise<void>;
}

/**
 * Makes the folders of a run if they are absent, and proves that they can be used: that they belong to
 * this saver, and, if the session is to commit, are writable and have hard links.
 *
 * @throws LeatError `sink-unfit`, or `fenced`
 */
export async function openRunFolder(
  dir: string,
  context: SinkContext,
  fsync: boolean,
): Promise<RunFolder> {
  const { run, stage, fence } = context;
  const segments = path.resolve(dir, run.id);
  const receipts = path.join(segments, 'receipts');
  const temporaries = path.join(segments, '.tmp');
  const session = `${hostToken()}-${process.pid}-${randomUUID().slice(0, 8)}`;
  const folder: RunFolder = {
    segments,
    receipts,
    session,
    fsync,
    ...(fence !== undefined && { staging: new Staging(temporaries, session, fence) }),
    syncDirectory: fsync ? syncDirectory : () => Promise.resolve(),
  };
  try {
    await mkdir(receipts, { recursive: true });
    await folder.syncDirectory(path.dirname(segments));
    await folder.syncDirectory(segments);
    if (folder.staging !== undefined) {
      const higher = await folder.staging.claim();
      if (higher !== undefined) throw fenced(context, higher);
      await folder.syncDirectory(temporaries);
      await writeOwner(folder, folder.staging, stage);
    }
    await checkOwner(folder, stage);
  } catch (error) {
    if (!UNFIT.has(errorCode(error))) throw error;
    throw new LeatError(
      'sink-unfit',
      `The ndjson sink cannot write to the directory ${segments} (${messageOf(error)}). ` +
        'Give it a directory that it may create and write to.',
      { cause: error },
    );
  }
  return folder;
}

/**
 * Writes the saver's name into the run's folder, first come first served. It is done the way a chunk is
 * committed, and so also shows whether that can work here.
 */
async function writeOwner(folder: RunFolder, staging: Staging, stage: string): Promise<void> {
  const temporary = staging.newFile();
  await writeFile(temporary, stage, { flag: 'wx' });
  try {
    await link(temporary, ownerOf(folder));
  } catch (error) {
    const code = errorCode(error);
    if (code === 'EEXIST') return;
    if (!NO_LINKS.has(code)) throw error;
    throw new LeatError(
      'sink-unfit',
      `The file system of ${folder.segments} has no hard links (${code}), which the ndjson sink ` +
        'needs to commit a chunk at most once. Give it a directory on another file system.',
      { cause: error },
    );
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
}

/** Two savers of one pipeline must not share a folder: the dataset of each would contain that of the other. */
async function checkOwner(folder: RunFolder, stage: string): Promise<void> {
  const owner = await readFile(ownerOf(folder), 'utf8').catch(() => stage);
  if (owner === stage) return;
  throw new LeatError(
    'sink-unfit',
    `The directory ${folder.segments} belongs to the saver ${JSON.stringify(owner)}; the saver ` +
      `${JSON.stringify(stage)} needs a directory of its own.`,
  );
}

function ownerOf({ receipts }: RunFolder): string {
  return path.join(receipts, '.saver');
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
