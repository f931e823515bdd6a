import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DEADLINE_MS, Deployment, linesOf } from '../support/deployment.ts';
import type { LeatProcess } from '../support/leat.ts';
import { until } from '../support/until.ts';

/** What the hook has said of itself. */
interface Said {
  readonly what: 'begun' | 'returned';
  readonly hook: string;
  readonly attempt: number;
  readonly pid: number;
}

test('a hook is called again under the same id when its fetcher is killed or stopped, before the run has ended', async () => {
  await using site = await Deployment.create('ending.ts');
  const run = await site.start({});
  site.service('saver');
  const said = async (): Promise<Said[]> =>
    linesOf(await readFile(join(site.dir, 'hooks.ndjson'), 'utf8').catch(() => ''));
  const untilBegun = (times: number, { child }: LeatProcess): Promise<void> =>
    until(
      `the hook is called ${times} times`,
      async () => {
        const all = await said();
        return all.length === times && all.at(-1)?.pid === child.pid;
      },
      DEADLINE_MS,
    );

  const killed = site.service('fetcher');
  await untilBegun(1, killed);
  expect(await site.report(run)).toMatchObject({ state: 'running', records: { saved: 5 } });
  killed.kill('SIGKILL');

  const stopped = site.service('fetcher');
  await untilBegun(2, stopped);
  // The hook does not return: the service leaves it, and ends.
  stopped.kill('SIGTERM');
  expect(await stopped.ended).toMatchObject({ code: 0 });
  expect(stopped.stderr()).toContain('run interrupted, it can be resumed');
  expect(await site.report(run)).toMatchObject({ state: 'pending' });

  const last = site.service('fetcher');
  await untilBegun(3, last);
  await site.letGo();
  await site.untilEnded();
  const id = `${run}:finally`;
  const begun = { what: 'begun', hook: id, state: 'completed', saved: 5 };
  expect(await said()).toEqual([
    { ...begun, attempt: 1, pid: killed.child.pid },
    { ...begun, attempt: 2, pid: stopped.child.pid },
    // A stop is not the fault of the hook.
    { ...begun, attempt: 2, pid: last.child.pid },
    { what: 'returned', hook: id, attempt: 2, pid: last.child.pid },
  ]);
  const report = await site.report(run);
  expect(report).toMatchObject({
    state: 'completed',
    hooks: [{ id, name: 'finally', attempts: 2 }],
  });
  const status = await site.leat('status', run);
  expect(status.stdout).toContain('hook        finally called 2 times');
});
