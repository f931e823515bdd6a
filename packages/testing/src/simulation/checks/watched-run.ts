import type { RunProgress, RunRequest } from '@leat/core';
import type { ModelSink } from '../model/model-sink.ts';
import type { ModelTable } from '../model/model-table.ts';
import { linesOf } from '../expected/dataset.ts';
import type { Scenario } from '../scenario.ts';

/** A run that is watched, and where it is saved. */
export interface WatchedRun {
  readonly scenario: Scenario;
  readonly sink: ModelSink;
  /** What was asked; somebody may ask again. */
  readonly request: RunRequest;
  /** Whether its operator has cancelled it at some time, and taken it back. */
  readonly mayBeCancelled: boolean;
  /** Wherever its savers write to. */
  readonly places: readonly string[];
}

/**
 * Whether the one sink that counts for a saver holds one of some sets of lines: of a chunk of the dataset,
 * or of all. As long as nobody has noted which one counts, it may be any.
 */
export function hasCounted(
  watched: WatchedRun,
  saver: string,
  progress: RunProgress | undefined,
  wanted: readonly (readonly string[])[],
  seq?: number,
): boolean {
  const name = watched.scenario.pipeline.name;
  const texts = new Set(wanted.map(textOf));
  const tables = countedTables(watched, saver, progress);
  if (tables.length === 0) return texts.has('');
  const chosen = seq === undefined ? {} : { seq };
  const doubtful = watched.scenario.dataset.doubtfulLines(saver);
  return tables.some((table) => {
    const lines = table.lines(name, chosen);
    return texts.has(textOf(lines.filter((line) => !doubtful.has(line))));
  });
}

/** What the one sink that counts for a saver holds of records that are in doubt, see `Doubt`. */
export function doubtfulIn(
  watched: WatchedRun,
  saver: string,
  progress: RunProgress | undefined,
): readonly string[] {
  const doubtful = watched.scenario.dataset.doubtfulLines(saver);
  return countedTables(watched, saver, progress)
    .flatMap((table) => table.lines(watched.scenario.pipeline.name))
    .filter((line) => doubtful.has(line));
}

function countedTables(
  { sink, request }: WatchedRun,
  saver: string,
  progress: RunProgress | undefined,
): readonly ModelTable[] {
  const tables = sink.tablesOf(request.run, saver);
  const mark = progress?.sinks?.[saver]?.mark;
  return mark === undefined ? tables : tables.filter((table) => table.mark === mark);
}

/** How what a saver holds differs from what it should, in words. */
export function differenceAt(
  watched: WatchedRun,
  saver: string,
  progress: RunProgress | undefined,
  wanted: readonly string[],
  seq?: number,
): string {
  const chosen = seq === undefined ? {} : { seq };
  const found = countedTables(watched, saver, progress).flatMap((table) =>
    table.lines(watched.scenario.pipeline.name, chosen),
  );
  const missing = without(wanted, found);
  const extra = without(found, wanted);
  return [
    missing.length > 0 && `${missing.length} are missing, such as ${missing[0]}`,
    extra.length > 0 && `${extra.length} are too many, such as ${extra[0]}`,
  ]
    .filter(Boolean)
    .join('; ');
}

/** The lines of one list that another lacks, each as often as it does. */
function without(lines: readonly string[], others: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of others) counts.set(line, (counts.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const count = counts.get(line) ?? 0;
    counts.set(line, count - 1);
    return count <= 0;
  });
}

/** What a saver holds of a run outside of the sink that counts. */
export function linesElsewhere(
  watched: WatchedRun,
  saver: string,
  progress: RunProgress | undefined,
): string[] {
  const counted = countedTables(watched, saver, progress);
  const { sink, request, scenario } = watched;
  return sink
    .tablesOf(request.run, saver)
    .filter((table) => !counted.includes(table))
    .flatMap((table) => table.lines(scenario.pipeline.name));
}

/** Whether a place that its savers write to is that of another run: of another pipeline, or another birth. */
export function isTaken({ sink, request, places }: WatchedRun): boolean {
  const tables = places.flatMap((place) => sink.tablesAt(place, request.run));
  return tables.some((table) => !table.isOf(request.pipeline, request.born ?? ''));
}

/** Whether something is saved of the dataset as it was before somebody changed it, wherever its savers write to. */
export function holdsChanged({ sink, request, scenario, places }: WatchedRun): boolean {
  const { dataset, pipeline } = scenario;
  const tables = places.flatMap((place) => sink.tablesAt(place, request.run));
  return tables.some((table) => {
    const now = new Set(dataset.lines(table.saver));
    for (const doubt of dataset.doubts) {
      for (const line of linesOf(doubt, table.saver)) now.add(line);
    }
    return table.lines(pipeline.name).some((line) => !now.has(line));
  });
}

function textOf(lines: readonly string[]): string {
  return lines.toSorted().join(' ');
}
