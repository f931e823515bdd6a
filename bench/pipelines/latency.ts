import { writeFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { ndjsonSink } from '@leat/connectors/files';
import { fetcher, join, mapper, pipeline, saver, type Sink, type Source } from '@leat/sdk';
import { z } from 'zod';
import { recordOf } from '../job/record.ts';

/** One chunk at a time through an idle pipeline, each with the time at which it set out. */
const {
  chunks,
  chunkSize,
  gapMs,
  dir,
  shape = 'one',
} = JSON.parse(process.env['LEAT_BENCH_LATENCY'] ?? '{}') as {
  readonly chunks: number;
  readonly chunkSize: number;
  readonly gapMs: number;
  readonly dir: string;
  /** Two stages that take 50 ms each are in a row, or side by side in front of a join. */
  readonly shape?: 'one' | 'row' | 'join';
};

const now = (): number => performance.timeOrigin + performance.now();

const source: Source = {
  kind: 'ticks',
  chunks: async function* ({ cursor, signal }) {
    for (let n = Number(cursor ?? 0); n < chunks; n++) {
      await wait(gapMs, undefined, { signal });
      const lines = Array.from({ length: chunkSize }, (_, at) =>
        JSON.stringify({ setOut: now(), ...recordOf(n * chunkSize + at, 200) }),
      );
      yield {
        body: Buffer.from(`${lines.join('\n')}\n`),
        records: chunkSize,
        nextCursor: n + 1,
        position: { source: 'ticks', unit: 'record', first: n * chunkSize },
      };
    }
  },
};

/** The sink as it is, and a note of how long each chunk took until it was committed. */
function timed(sink: Sink): Sink {
  return {
    kind: sink.kind,
    open: async (context) => {
      const session = await sink.open(context);
      const { commit, close } = session;
      const latenciesMs: number[] = [];
      return Object.assign(session, {
        commit: async (group: Parameters<typeof commit>[0]) => {
          const committed = await commit(group);
          for (const { body } of group) {
            const setOut = /^\{"setOut":([\d.]+)/.exec(Buffer.from(body).toString('latin1'))?.[1];
            latenciesMs.push(now() - Number(setOut));
          }
          return committed;
        },
        close: async () => {
          await writeFile(`${dir}/latencies.json`, JSON.stringify(latenciesMs));
          await close();
        },
      });
    },
  };
}

const Tick = z.looseObject({ setOut: z.number() });
const ticks = fetcher('ticks', { source, schema: Tick, chunkSize });
const passed = { one: passing, row: inARow, join: joined }[shape]();
const files = saver('files', { from: passed, sink: timed(ndjsonSink(`${dir}/out`)) });
export default pipeline('latency', { savers: [files] });

function passing() {
  return mapper('passed', { from: ticks, schema: Tick, map: (tick) => tick });
}

function slow(name: string, from: typeof ticks | ReturnType<typeof passing>) {
  const map = async (tick: z.output<typeof Tick>) => {
    await wait(50);
    return tick;
  };
  return mapper(name, { from, schema: Tick, concurrency: 100, map });
}

function inARow() {
  return slow('second', slow('first', ticks));
}

function joined() {
  return join('passed', {
    from: { first: slow('first', ticks), second: slow('second', ticks) },
    schema: Tick,
    missing: 'dead',
    map: ({ first }) => first,
  });
}
