import { link, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { LeatError, parseSinkClaim, type SinkIdentity } from '@leat/core';
import { admitToSink, type SinkContext } from '@leat/sdk';
import { errorCode } from '../sink/error-code.ts';
import { namesIn } from './names-in.ts';
import { parseSegmentName } from './segment-name.ts';

/** What `link` answers on a file system that has no hard links. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV']);

/** The folders of a run, as its claim sees them. */
interface Folders {
  readonly segments: string;
  readonly receipts: string;
  /** Unique among all sessions. */
  readonly session: string;
}

/**
 * Makes a run's folder that of this run and this saver, first come first served: `receipts/.claim` says
 * whose it is. It is written the way a chunk is committed, and so also shows whether that can work here.
 * A session that only reads compares and writes nothing.
 *
 * @throws LeatError `sink-taken` if it is that of another run, `sink-unfit` if of another saver
 */
export async function claimFolder(folders: Folders, context: SinkContext): Promise<SinkIdentity> {
  const file = path.join(folders.receipts, '.claim');
  for (;;) {
    const found = await foundClaim(file, folders, context);
    const { text, mark } = admitToSink(found, context);
    const identity = { mark, place: `${folders.segments} on ${hostname()}` };
    if (text === found || context.fence === undefined) return identity;
    const temporary = `${file}-${folders.session}`;
    const isFirst = found === undefined || found === '';
    if (await write(file, text, temporary, isFirst)) return identity;
  }
}

/** The claim on a folder; empty if it was written by a version of Leat that made none. */
async function foundClaim(
  file: string,
  { segments, receipts }: Folders,
  { stage }: SinkContext,
): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch(unlessAbsent);
  const owner =
    text === undefined
      ? await readFile(path.join(receipts, '.saver'), 'utf8').catch(unlessAbsent)
      : parseSinkClaim(text)?.saver;
  if (owner !== undefined && owner !== stage) {
    throw new LeatError(
      'sink-unfit',
      `The directory ${segments} belongs to the saver ${JSON.stringify(owner)}; the saver ` +
        `${JSON.stringify(stage)} needs a directory of its own.`,
    );
  }
  if (text !== undefined) return text;
  const isEmpty = !(await namesIn(segments)).some((name) => parseSegmentName(name) !== undefined);
  return owner === undefined && isEmpty ? undefined : '';
}

/** @returns `false` if another session was quicker */
async function write(
  file: string,
  text: string,
  temporary: string,
  isFirst: boolean,
): Promise<boolean> {
  await writeFile(temporary, text, { flag: 'wx', flush: true });
  if (!isFirst) {
    await rename(temporary, file);
    return true;
  }
  try {
    await link(temporary, file);
    return true;
  } catch (error) {
    const code = errorCode(error);
    if (code === 'EEXIST') return false;
    if (!NO_LINKS.has(code)) throw error;
    throw new LeatError(
      'sink-unfit',
      `The file system of ${path.dirname(file)} has no hard links (${code}), which the ndjson sink ` +
        'needs to commit a chunk at most once. Give it a directory on another file system.',
      { cause: error },
    );
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
}

function unlessAbsent(error: unknown): undefined {
  if (errorCode(error) !== 'ENOENT') throw error;
  return undefined;
}
