import type { RunReport } from '@leat/core';
import { expect, test } from 'vitest';
import { Deployment, expectBalance } from '../support/deployment.ts';
import { residentMegabytes } from '../support/resident-memory.ts';

/** For a soak by hand: `LEAT_SOAK_RECORDS=10000000 npx vitest run --project e2e test/e2e/memory.test.ts`. */
const COUNT = Number(process.env['LEAT_SOAK_RECORDS'] ?? 1_000_000);
/** What the collector may leave lying about. What passes through in this time is twice as much. */
const SLACK_MEGABYTES = 64;

/** How far the run was, and what each process had then. */
interface Sample {
  readonly share: number;
  readonly megabytes: Readonly<Record<string, number>>;
}

/** What a process had most of the time in a stretch of the run. */
function typical(samples: readonly Sample[], name: string, from: number, to: number): number {
  const sorted = samples
    .filter(({ share }) => share >= from && share < to)
    .map(({ megabytes }) => megabytes[name] ?? 0)
    .toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

test.skipIf(process.platform !== 'linux')(
  'no process grows with the dataset',
  async () => {
    await using site = await Deployment.create('wide.ts');
    const run = await site.start({ count: COUNT });
    const pids = {
      fetcher: site.service('fetcher').pid,
      mapper: site.service('mapper').pid,
      saver: site.service('saver').pid,
      'nats-server': site.server.pid,
    };
    const samples: Sample[] = [];
    await site.watch(run, ({ records: { saved } }: RunReport) => {
      const entries = Object.entries(pids).map(([name, pid]) => [name, residentMegabytes(pid)]);
      samples.push({ share: saved / COUNT, megabytes: Object.fromEntries(entries) });
    });
    await site.untilEnded();
    const report = await site.report(run);
    expect(report).toMatchObject({ state: 'completed', records: { in: COUNT, saved: COUNT } });
    expectBalance(report);
    const growth = Object.keys(pids).map((name) => {
      const at = (share: number): number =>
        Math.round(typical(samples, name, share - 0.1, share + 0.1));
      return { name, at10: at(0.1), at50: at(0.5), at90: at(0.9) };
    });
    if (process.env['LEAT_SOAK_RECORDS'] !== undefined) {
      process.stderr.write(`${JSON.stringify({ report, growth }, undefined, 2)}\n`);
    }
    for (const { name, at50, at90 } of growth) {
      expect({ name, grownBy: at90 - at50 }).toSatisfy(
        ({ grownBy }: { grownBy: number }) => grownBy < SLACK_MEGABYTES,
      );
    }
  },
  Math.max(240_000, COUNT / 5),
);
