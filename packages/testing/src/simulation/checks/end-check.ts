import { reportOf, type RunProgress } from '@leat/core';
import type { CheckpointCheck } from './checkpoint-check.ts';
import { checkDoubts } from './doubt-check.ts';
import type { LettersSeen } from './letters-seen.ts';
import {
  differenceAt,
  hasCounted,
  holdsChanged,
  isTaken,
  linesElsewhere,
  type WatchedRun,
} from './watched-run.ts';

type Fail = (violation: string) => void;

/** What must hold when a run has ended and everybody has calmed down. */
export function checkEnd(
  watched: WatchedRun,
  checkpoints: CheckpointCheck,
  dead: LettersSeen,
  fail: Fail,
): void {
  const progress = checkpoints.last;
  const state = progress?.state ?? 'pending';
  // A fetcher has seen it before it was taken back.
  if (state === 'cancelled' && watched.mayBeCancelled) return;
  if (state === 'failed' || state === 'cancelled') checkRefusal(watched, progress, fail);
  else checkCompletion(watched, checkpoints, dead, fail);
}

/** A run may be refused if its sink is another run's, or its dataset is not what it was; and says so. */
function checkRefusal(watched: WatchedRun, progress: RunProgress | undefined, fail: Fail): void {
  const { request, scenario, sink } = watched;
  const { state, reason = '' } = progress ?? {};
  // Begun again with other chunks, a run may find the ledger of its predecessor, whose fetcher lives.
  const isStrange = holdsChanged(watched) || isTaken(watched);
  const wasChanged = state === 'failed' && reason.includes('ataset') && isStrange;
  // The operator cancels a run only if a stage has told him that its sink is taken.
  const isSaid = state === 'cancelled' || reason.includes('choose another run id');
  const wasTaken = isSaid && isTaken(watched);
  // A record that died at one execution and lived at the next can divide its chunk in two ways.
  const isInDoubt = scenario.dataset.doubts.length > 0;
  if (state === 'failed' && isInDoubt && reason.includes('divided in two different ways')) return;
  if (!wasChanged && !wasTaken) fail(`state: ${state}, should be completed: ${reason}`);
  if (!wasTaken) return;
  const { born } = request;
  const lines = sink
    .tablesAt(scenario.file.place, request.run)
    .flatMap((table) => table.lines(request.pipeline, { ...(born !== undefined && { born }) }));
  if (lines.length > 0) fail(`a run that was refused has saved ${lines.length} records`);
}

function checkCompletion(
  watched: WatchedRun,
  checkpoints: CheckpointCheck,
  deadSeen: LettersSeen,
  fail: Fail,
): void {
  const { scenario, request } = watched;
  const { dataset } = scenario;
  const { dead } = dataset;
  const progress = checkpoints.last;
  const savers = scenario.pipeline.stages.filter(({ kind }) => kind === 'saver');
  const hasBranches = scenario.pipeline.spec.stages.some(({ to }) => to !== undefined);
  let total = 0;
  for (const { name } of savers) {
    const wanted = dataset.lines(name);
    total += wanted.length;
    // A branch that no record takes has nothing to save.
    const isIdle = hasBranches && wanted.length === 0;
    if (!isIdle && progress?.sinks?.[name] === undefined)
      fail(`nobody has noted the sink of ${name}`);
    if (!hasCounted(watched, name, progress, [wanted])) {
      const difference = differenceAt(watched, name, progress, wanted);
      fail(`the sink of ${name} does not hold the ${wanted.length} records wanted: ${difference}`);
    }
    const others = checkpoints.wasForgotten ? [] : linesElsewhere(watched, name, progress);
    if (others.length > 0) fail(`${name} has saved ${others.length} records in another sink`);
  }
  const expect = (what: string, found: unknown, should: unknown): void => {
    if (found !== should) fail(`${what}: ${String(found)}, should be ${String(should)}`);
  };
  const doubts = checkDoubts(watched, checkpoints, deadSeen, fail);
  const deaths = dead.length + doubts.dead.length;
  const { records, chunks, state } = reportOf(request, progress);
  expect('state', state, deaths > 0 ? 'completed-with-dead-letters' : 'completed');
  expect('records in', records.in, dataset.records);
  expect('records saved', records.saved, total + doubts.saved);
  expect('records filtered', records.filtered, dataset.filtered);
  expect('records dead', records.dead, deaths);
  const { expanded, saved, filtered } = records;
  expect('in + expanded', records.in + expanded, saved + filtered + records.dead);
  // Begun again with other chunks, it may have found a sink that has nothing of it, or have ended before.
  const settled = chunks.saved + chunks.dead;
  const { chunkSize } = request.limits ?? dataset;
  const isOther = settled === Math.ceil(dataset.records / chunkSize);
  if (!isOther) expect('chunks', settled, dataset.chunks);
  expect('chunks in flight', chunks.inFlight, 0);
  const { deadEver } = dataset;
  const ofOtherEditions = [...deadEver].filter((letter) => deadSeen.has(letter));
  const sure = deadSeen.texts.filter((letter) => !doubts.letters.has(letter));
  expect('dead letters', textOf(sure), textOf([...dead, ...ofOtherEditions]));
}

function textOf(letters: readonly string[]): string {
  return [...new Set(letters)].toSorted().join(', ');
}
