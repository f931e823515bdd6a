import { createHash, randomUUID } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { link, mkdir, open, readdir, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { LeatError, messageOf } from '@leat/core';
import { errorCode } from './error-code.ts';
import { isAlive } from './process-alive.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

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
  /** A path for a file that is not yet under its final name. */
  readonly newTemporary: () => string;
  /** Makes the names in a directory durable. */
  readonly syncDirectory: (directory: string) => Promise<void>;
}

/**
 * Makes the folders of a run if they are absent, and proves that they can be used: that they are
 * writable, have hard links, and belong to this saver.
 *
 * @throws LeatError `sink-unfit`
 */
export async function openRunFolder(
  dir: string,
  run: string,
  stage: string,
  fsync: boolean,
): Promise<RunFolder> {
  const segments = path.resolve(dir, run);
  const temporaries = path.join(segments, '.tmp');
  const receipts = path.join(segments, 'receipts');
  const session = `${hostToken()}-${process.pid}-${randomUUID().slice(0, 8)}`;
  let temporaryCount = 0;
  const folder: RunFolder = {
    segments,
    receipts,
    session,
    fsync,
    newTemporary: () => path.join(temporaries, `${session}-${temporaryCount++}`),
    syncDirectory: fsync ? syncDirectory : () => Promise.resolve(),
  };
  try {
    await mkdir(temporaries, { recursive: true });
    await mkdir(receipts, { recursive: true });
    await folder.syncDirectory(path.dirname(segments));
    await folder.syncDirectory(segments);
    await claim(folder, stage);
  } catch (error) {
    if (!UNFIT.has(errorCode(error))) throw error;
    throw new LeatError(
      'sink-unfit',
      `The ndjson sink cannot write to the directory ${segments} (${messageOf(error)}). ` +
        'Give it a directory that it may create and write to.',
      { cause: error },
    );
  }
  await removeDeadTemporaries(temporaries);
  return folder;
}

/**
 * Writes the saver's name into the run's folder, first come first served. Two savers of one pipeline
 * must not share a folder: the dataset of each would contain that of the other. It is done the way a
 * chunk is committed, and so also shows whether that can work here.
 */
async function claim(folder: RunFolder, stage: string): Promise<void> {
  const owner = path.join(folder.receipts, '.saver');
  const temporary = folder.newTemporary();
  let isWritten = false;
  try {
    await writeFile(temporary, stage, { flag: 'wx' });
    isWritten = true;
    await link(temporary, owner);
  } catch (error) {
    const code = errorCode(error);
    if (code !== 'EEXIST') {
      if (!isWritten || !NO_LINKS.has(code)) throw error;
      throw new LeatError(
        'sink-unfit',
        `The file system of ${folder.segments} has no hard links (${code}), which the ndjson sink ` +
          'needs to commit a chunk at most once. Give it a directory on another file system.',
        { cause: error },
      );
    }
    const other = await readFile(owner, 'utf8');
    if (other !== stage) {
      throw new LeatError(
        'sink-unfit',
        `The directory ${folder.segments} belongs to the saver ${JSON.stringify(other)}; the saver ` +
          `${JSON.stringify(stage)} needs a directory of its own.`,
        { cause: error },
      );
    }
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
}

/**
 * Removes what sessions left behind that were killed in the middle of a commit: files of a process of
 * this host that is gone, and anything older than a day. Should it ever hit a file that is in use after
 * all, linking it fails and its chunk is committed again.
 */
async function removeDeadTemporaries(temporaries: string): Promise<void> {
  const here = hostToken();
  for (const name of await readdir(temporaries)) {
    const [host = '', pid = ''] = name.split('-');
    const file = path.join(temporaries, name);
    const isDead =
      (host === here && !isAlive(Number(pid))) ||
      (await stat(file).then(
        ({ mtimeMs }) => Date.now() - mtimeMs > DAY_MS,
        () => false,
      ));
    if (isDead) await unlink(file).catch(() => undefined);
  }
}

/** Stands for everything in which a process id is unique: the host and, in a container, its own space. */
function hostToken(): string {
  let space = '';
  try {
    space = readlinkSync('/proc/self/ns/pid');
  } catch {
    // Not Linux: the host has one space of process ids.
  }
  return createHash('sha256').update(`${hostname()} ${space}`).digest('hex').slice(0, 8);
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
