import {
  bucketName,
  checkName,
  isNewerVersion,
  LeatError,
  type RunReport,
  type RunRequest,
  type Trouble,
} from '@leat/core';
import { permissionRefusal, Runs } from '@leat/runtime';
import type { Site } from '../site.ts';
import { hindrancesOf } from './hindrances.ts';
import { lookAtRun, type Surroundings } from './look-at-run.ts';

/** How many runs are read at a time. */
const PAGE = 50;

/** Which runs are meant; all of them, if nothing is said. */
export interface RunsWanted {
  /** Only those of the pipeline of this name. */
  readonly pipeline?: string;
  /** How many at most; the last one given is the `after` of the next page. */
  readonly limit?: number;
  /** Only those that come after this one, such as the last report of the page before. */
  readonly after?: Pick<RunReport, 'pipeline' | 'run'>;
}

/**
 * Reports of runs, pipeline by pipeline, each oldest first. Pipelines whose runs this user may not read are left
 * out, and a line is logged; so are runs that only a newer version of Leat can read.
 *
 * @throws LeatError `run-unknown` behind the last of them, if the server has lost the runs of a pipeline
 */
export async function* listRuns(
  site: Site,
  { pipeline, limit = Number.POSITIVE_INFINITY, after }: RunsWanted = {},
): AsyncGenerator<RunReport, void> {
  if (pipeline !== undefined) checkName('pipeline', pipeline);
  const first = after === undefined ? '' : bucketName(after.pipeline);
  const open = await Runs.openAll(site.nats, { pipeline, signing: site.signing });
  const all = open.filter(({ bucket }) => bucket >= first);
  let room = limit;
  const emptied: string[] = [];
  for (const runs of all.toSorted((a, b) => (a.bucket < b.bucket ? -1 : 1))) {
    if (room <= 0) return;
    try {
      const begin = runs.bucket === first ? after?.run : undefined;
      const before = room;
      for await (const report of reportsIn(site, runs, begin, room)) {
        yield report;
        room--;
      }
      if (room === before && (await runs.areForgotten())) emptied.push(runs.bucket);
    } catch (error) {
      const refusal = permissionRefusal(error, site.address);
      if (refusal === undefined) throw error;
      site.logger.warn(`runs are left out: ${refusal.message}`);
    }
  }
  if (emptied.length > 0) throw forgotten(emptied);
}

/** That nothing is left of what was known of a pipeline's runs: it is not the same as that there were none. */
function forgotten(buckets: readonly string[]): LeatError {
  const streams = buckets.map((bucket) => `KV_${bucket}`).join(', ');
  return new LeatError(
    'run-unknown',
    `The server had runs in ${streams} and has lost them: its store was damaged, or somebody purged it. Start a run again by its id with --recover; if they are not wanted, delete the stream.`,
  );
}

/** At most `limit` reports of one pipeline's runs. */
async function* reportsIn(
  site: Site,
  runs: Runs,
  after: string | undefined,
  limit: number,
): AsyncGenerator<RunReport> {
  const troubled = await runs.notes.troubledRuns();
  let page: RunRequest[] = [];
  let room = limit;
  // Once for all runs of the pipeline: those that have other stages are few.
  let seen: Promise<readonly Trouble[]> | undefined;
  const hindrances = ({ spec }: RunRequest): Promise<readonly Trouble[]> =>
    (seen ??= hindrancesOf(site, spec));
  const leaveOut = (run: string, { message }: LeatError): void =>
    site.logger.warn(`the run ${run} is left out: ${message}`);
  const reports = async (): Promise<RunReport[]> => {
    const found = page.map((request) =>
      reportOn(runs, request, troubled, hindrances).catch((error: unknown) => {
        if (!isNewerVersion(error)) throw error;
        leaveOut(request.run, error);
        return undefined;
      }),
    );
    return (await Promise.all(found)).filter((report) => report !== undefined);
  };
  for await (const request of runs.inOrder(after, leaveOut)) {
    page.push(request);
    if (page.length < Math.min(PAGE, room)) continue;
    const found = await reports();
    yield* found;
    room -= found.length;
    page = [];
    if (room <= 0) return;
  }
  yield* await reports();
}

async function reportOn(
  runs: Runs,
  request: RunRequest,
  troubled: ReadonlySet<string>,
  hindrances: Surroundings['hindrances'],
): Promise<RunReport> {
  const { run } = request;
  const troubles = troubled.has(run) ? await runs.notes.troubles(run) : [];
  return lookAtRun(runs, request, { troubles, hindrances });
}
