import { type Mapper, originOf, type Saver } from '@leat/sdk';

/**
 * What a line is read for: a function is to `work` on the record; or its line is to be kept, after a function has
 * `judged` the record, or has said what is added (`enrich`), or with nobody looking at it (`pass`).
 */
export type Reading = 'work' | 'judge' | 'enrich' | 'first enrich' | 'pass';

/** What passes lines on as they are. */
const KEEPING: ReadonlySet<Mapper['work']['type']> = new Set(['filter', 'route']);

/**
 * How a stage reads. Whoever keeps lines of a fetcher is the first to read them: it sees to it that they are what the
 * schema makes of them. All other lines are, and a saver does not read those.
 */
export function readingOf(stage: Mapper | Saver): Reading | undefined {
  const isFirst = originOf(stage).kind === 'fetcher';
  if (stage.kind === 'saver') return isFirst ? 'pass' : undefined;
  if (stage.work.type === 'enrich') return isFirst ? 'first enrich' : 'enrich';
  return isFirst && KEEPING.has(stage.work.type) ? 'judge' : 'work';
}
