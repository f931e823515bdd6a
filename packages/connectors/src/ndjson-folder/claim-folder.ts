import { existsSync } from 'node:fs';
import { link, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import {
  formatAge,
  FORMATS,
  LeatError,
  newerVersion,
  parseSinkClaim,
  type SinkIdentity,
} from '@leat/core';
import { admitToSink, type SinkContext } from '@leat/sdk';
import { errorCode } from '../sink/error-code.ts';
import { namesIn } from './names-in.ts';
import { parseSegmentName as parseChunkFileName } from './chunk-files/chunk-file-name.ts';
import { parseSegmentName, segmentName } from './segment-name.ts';

/** What `link` answers on a file system that has no hard links. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV']);

/** How chunks are laid out in a run's folder: a file for each, or a segment for those that were committed together. */
export type Layout = 'chunk-files' | 'segments';

/** How a claim begins, by the layout. Versions that know only the first are kept off by {@link barEarlier}. */
const BEGINNINGS: Readonly<Record<Layout, string>> = {
  'chunk-files': `{"v":${FORMATS.claim},`,
  segments: `{"v":${FORMATS.claim},"layout":${FORMATS.folder},`,
};

/** What stands in a folder's claim. */
interface FoundClaim {
  readonly layout: Layout;
  /**
   * As `formatSinkClaim` makes it; `undefined` if the folder has none and nothing else, and empty if it was
   * written by a version of Leat that made none.
   */
  readonly text: string | undefined;
}

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
export async function claimFolder(
  folders: Folders,
  context: SinkContext,
): Promise<{ readonly identity: SinkIdentity; readonly layout: Layout }> {
  const file = path.join(folders.receipts, '.claim');
  for (;;) {
    const { text: found, layout } = await foundClaim(file, folders, context);
    const { text, mark } = admitToSink(found, context);
    const claimed = { identity: { mark, place: `${folders.segments} on ${hostname()}` }, layout };
    if (text === found || context.fence === undefined) return claimed;
    const temporary = `${file}-${folders.session}`;
    const isFirst = found === undefined || found === '';
    if (isFirst && layout === 'segments') await barEarlier(folders);
    const whole = text.replace(BEGINNINGS['chunk-files'], BEGINNINGS[layout]);
    if (await write(file, whole, temporary, isFirst)) return claimed;
  }
}

/** The claim on a folder, and its layout: that of the claim, or else of what is there. */
async function foundClaim(
  file: string,
  { segments, receipts }: Folders,
  { stage }: SinkContext,
): Promise<FoundClaim> {
  const { text, layout } = layoutOf(
    file,
    segments,
    await readFile(file, 'utf8').catch(unlessAbsent),
  );
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
  if (layout !== undefined) return { text, layout };
  const names = await namesIn(segments);
  const hasSegments = names.some((name) => parseSegmentName(name) !== undefined);
  const hasChunkFiles = names.some((name) => parseChunkFileName(name) !== undefined);
  const isOld = hasChunkFiles || (owner !== undefined && !hasSegments);
  return {
    text: text ?? (isOld || hasSegments ? '' : undefined),
    layout: isOld ? 'chunk-files' : 'segments',
  };
}

/**
 * Takes the layout out of a claim's text.
 *
 * @throws LeatError `newer-version` if the folder has a layout that only a newer Leat knows
 */
function layoutOf(
  file: string,
  segments: string,
  text: string | undefined,
): { readonly text: string | undefined; readonly layout: Layout | undefined } {
  if (text === undefined || parseSinkClaim(text) === undefined) return { text, layout: undefined };
  const version = /^\{"v":\d+,"layout":(\d+),/.exec(text)?.[1];
  if (version !== undefined && formatAge('folder', version) === 'newer') {
    throw newerVersion('folder', `The claim ${file}`, Number(version));
  }
  // A claim that an earlier version wrote anew, to recover the run, does not say it any more.
  if (version === undefined && !existsSync(path.join(segments, segmentName(0)))) {
    return { text, layout: 'chunk-files' };
  }
  const inner = text.replace(BEGINNINGS.segments, BEGINNINGS['chunk-files']);
  return { text: inner, layout: 'segments' };
}

/**
 * Keeps earlier versions off a folder that is to have segments: where they make their folder for temporary files
 * there is a file. They would fail a run whose claim they cannot read; this ends the saver, with a sentence.
 */
async function barEarlier({ segments, session }: Folders): Promise<void> {
  const bar = path.join(segments, '.tmp');
  for (;;) {
    try {
      await writeFile(bar, 'A newer version of Leat writes here: use that.\n', { flag: 'wx' });
      return;
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
    if ((await stat(bar)).isFile()) return;
    await rename(bar, `${bar}-${session}`);
  }
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
