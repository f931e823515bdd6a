import { join } from 'node:path';
import { LeatServices } from '../measure/leat-services.ts';
import { figure } from '../measure/table.ts';
import type { Scenario } from '../scenario.ts';

const CHUNKS = [100_000, 1_000_000];

/** The fetcher is killed when three quarters are saved; how long until another one has chunks saved again. */
export const resume: Scenario = {
  name: 'resume',
  about: 'How long does it take to go on with a run of a million chunks?',
  isQuick: false,
  run: async (bench) => {
    const found: { readonly chunks: number; readonly resumeMs: number }[] = [];
    for (const chunks of CHUNKS) {
      const env = { LEAT_BENCH_CHUNKS: `${chunks}` };
      const dir = join(bench.workDir, `resume-${chunks}`);
      await using services = await LeatServices.over({ name: 'million', env }, dir);
      await services.startRun();
      const saver = services.service('saver');
      const first = services.service('fetcher');
      await saver.hasSaid('three quarters');
      saver.forget();
      await first.kill();
      await saver.hasSaid('no more chunks');
      saver.forget();
      const from = performance.now();
      services.service('fetcher');
      await saver.hasSaid('chunks come again');
      found.push({ chunks, resumeMs: performance.now() - from });
      bench.log(`${chunks} chunks: ${figure(found.at(-1)?.resumeMs ?? Number.NaN)} ms`);
    }
    const table = {
      title: 'From the start of another fetcher until chunks are saved again',
      head: ['chunks of the run', 'ms'],
      rows: found.map(({ chunks, resumeMs }) => [figure(chunks), figure(resumeMs)]),
    };
    return { tables: [table], data: found };
  },
};
