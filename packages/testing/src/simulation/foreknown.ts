import { LeatError } from '@leat/core';
import { records as recordsSource } from '@leat/connectors/memory';
import { createLogger, type Logger } from '@leat/runtime';
import type { Pipeline, RunInfo, Source } from '@leat/sdk';
import { linesIn } from './expected/dataset.ts';
import { type Fate, PlainEvaluation, type Step } from './expected/fate.ts';
import { inVirtualTime } from './in-virtual-time.ts';
import { Random } from './random.ts';

/** The given records, and what must become of each, whatever the seed. */
export interface Foreknown {
  readonly source: Source<unknown>;
  readonly count: number;
  /** By the record's place in the dataset. */
  readonly fates: ReadonlyMap<number, Fate>;
  /** The longest line of JSON, in bytes. */
  readonly longestLine: number;
  /** How long it took to call all functions once, in virtual time. */
  readonly tookMs: number;
}

interface Line {
  readonly index: number;
  readonly text: string;
}

/**
 * Evaluates the functions of a pipeline on every record, twice: in the order of the records, and from the
 * last one back, as if in other chunks.
 *
 * @throws LeatError `invalid-pipeline` if a function gives another result the second time, or waits for
 * something that is no timer
 */
export async function foreknow(
  pipeline: Pipeline,
  given: readonly unknown[],
  run: RunInfo<unknown>,
): Promise<Foreknown> {
  const source = recordsSource(given);
  const lines = await read(source, run);
  const logger = createLogger({ format: 'json', level: 'silent' });
  const first = await evaluate(pipeline, run, logger, lines, '0');
  const again = await evaluate(pipeline, run, logger, lines.toReversed(), '1');
  for (const [index, fate] of first.fates) demandSame(index, fate, again.fates.get(index) ?? []);
  const longestLine = Math.max(0, ...lines.map(({ text }) => Buffer.byteLength(text) + 1));
  return { source, count: given.length, longestLine, ...first };
}

async function read(source: Source<unknown>, run: RunInfo<unknown>): Promise<Line[]> {
  const { signal } = new AbortController();
  const lines: Line[] = [];
  const request = { run, chunkSize: 1, maxBytes: 1, cursor: null, signal };
  for await (const chunk of source.chunks(request)) {
    for (const text of linesIn(chunk)) lines.push({ index: chunk.position.first, text });
  }
  return lines;
}

async function evaluate(
  pipeline: Pipeline,
  run: RunInfo<unknown>,
  logger: Logger,
  lines: readonly Line[],
  chunk: string,
): Promise<Pick<Foreknown, 'fates' | 'tookMs'>> {
  const evaluation = new PlainEvaluation(pipeline, run, logger);
  const name = `A function of the pipeline ${pipeline.name}`;
  const { result, tookMs } = await inVirtualTime(name, new Random(1), async () => {
    const fates = new Map<number, Fate>();
    for (const { index, text } of lines) {
      fates.set(
        index,
        await evaluation.of(text, { chunk, position: `record ${index} of records` }),
      );
    }
    return fates;
  });
  return { fates: result, tookMs };
}

function demandSame(index: number, fate: Fate, again: Fate): void {
  const at = fate.findIndex((step, nth) => wordsOf(step) !== wordsOf(again[nth]));
  const step = fate[at];
  if (step === undefined) return;
  throw new LeatError(
    'invalid-pipeline',
    `The stage ${step.stage} made of the record ${index}, ${step.record}, first ${wordsOf(step)} and the second time ${wordsOf(again[at])}: chunks are worked on again after a failure, so a function must give the same result for the same record, whatever came before it and whichever chunk it is in.`,
  );
}

function wordsOf(step: Step | undefined): string {
  if (step === undefined) return 'nothing';
  const { output, error } = step;
  return output === undefined ? `a dead letter (${error})` : `[${output.join(', ')}]`;
}
