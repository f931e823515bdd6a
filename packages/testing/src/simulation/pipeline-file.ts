import type { ChunkLimits } from '@leat/core';
import {
  BusyError,
  fetcher,
  mapper,
  type Pipeline,
  pipeline,
  type Saver,
  saver,
  TerminalError,
} from '@leat/sdk';
import { type Dataset, isPoison, resultsOf, Row } from './dataset.ts';
import type { ModelSink } from './model/model-sink.ts';

/** What stands in the pipeline file that a process is started with, as far as people change it. */
export interface PipelineFile {
  /** The run's own graph, or one with a saver more or, where there are two, less. */
  readonly graph: 'own' | 'more' | 'less';
  readonly limits: ChunkLimits;
  /** The table or folder that its savers write to. */
  readonly place: string;
}

export const SHAPES = ['line', 'line', 'line', 'fan-out', 'chain', 'direct'] as const;
type Shape = (typeof SHAPES)[number];
type Work = 'map' | 'flatMap' | 'mapChunk';

/** What goes wrong in user code. */
interface Troubles {
  /** About how many milliseconds a record takes. */
  readonly slowness: number;
  readonly failureRate: number;
  readonly hasPoison: boolean;
}

/** What is the same in all files of a pipeline. */
export interface Design {
  readonly name: string;
  readonly shape: Shape;
  readonly work: Work;
  readonly window: number;
  readonly troubles: Troubles;
  readonly dataset: Dataset;
  readonly sink: ModelSink;
  /** Which saver a graph has less, and where one stands that it has more: 0 is the front. */
  readonly saverAt: number;
}

/** The saver that a graph has more. */
export const EXTRA = 'extra';

/** Makes the pipeline that a file exports. */
export function pipelineOf(design: Design, { graph, limits, place }: PipelineFile): Pipeline {
  const { name, shape, work, window, troubles, dataset, sink, saverAt } = design;
  const source = fetcher('numbers', {
    source: () => dataset.source(),
    schema: Row,
    ...limits,
    window,
  });
  const first = shape === 'direct' ? source : makeMapper(work, source, troubles);
  const last =
    shape === 'chain'
      ? mapper('again', {
          from: first,
          schema: Row,
          map: (row) => idle(row, troubles.slowness / 4),
        })
      : first;
  const names = shape === 'fan-out' ? ['left', 'right'] : ['out'];
  if (graph === 'more') names.splice(saverAt, 0, EXTRA);
  if (graph === 'less') names.splice(saverAt, 1);
  const savers: Saver[] = names.map((each) =>
    saver(each, { from: last, sink: () => sink.sinkAt(place) }),
  );
  return pipeline(name, { savers });
}

function makeMapper(
  work: Work,
  from: ReturnType<typeof fetcher<typeof Row>>,
  { slowness, failureRate, hasPoison }: Troubles,
): ReturnType<typeof mapper<typeof Row, typeof Row>> {
  const retry = { attempts: 30, initialDelayMs: 20, maxDelayMs: 500 };
  const common = { from, schema: Row, retry, concurrency: 4 };
  const suffer = (row: Row): void => {
    if (hasPoison && isPoison(row.n)) throw new TerminalError('poison');
    if (Math.random() >= failureRate) return;
    throw Math.random() < 0.5 ? new BusyError('try later') : new Error('bad luck');
  };
  if (work === 'map') {
    return mapper('work', {
      ...common,
      map: (row) => {
        suffer(row);
        return idle(row, slowness);
      },
    });
  }
  if (work === 'mapChunk') {
    return mapper('work', {
      ...common,
      mapChunk: (rows) => {
        for (const row of rows) suffer(row);
        return idle(rows, slowness);
      },
    });
  }
  return mapper('work', {
    ...common,
    flatMap: async (row) => {
      await idle(row, slowness);
      suffer(row);
      return resultsOf(row);
    },
  });
}

/** Takes its time, now and then much longer than the acknowledgement window. */
function idle<T>(value: T, aboutMs: number): T | Promise<T> {
  if (aboutMs === 0) return value;
  const ms = aboutMs * 2 * Math.random() * (Math.random() < 0.02 ? 10 : 1);
  return new Promise((resolve) => {
    setTimeout(() => resolve(value), ms);
  });
}
