import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DEADLINE_MS, Deployment, expectSquares } from '../support/deployment.ts';
import { savedChunks } from '../support/saved-folder.ts';
import { until } from '../support/until.ts';

const COUNT = 4_000;

test('of two savers that mean two folders by one name, one saves everything and the other says why not', async () => {
  await using site = await Deployment.create('edited.ts', { env: { EDIT_SAVERS: 'files' } });
  const elsewhere = join(site.dir, 'elsewhere');
  await mkdir(elsewhere);
  const other = site.as({}, elsewhere);
  const run = await site.start({ count: COUNT, delayMs: 1 });
  await site.untilReady(site.service('saver'), other.service('saver'));
  site.service('fetcher');
  site.service('mapper');
  const saysWhy = async (): Promise<boolean> => {
    const { troubles } = await site.report(run);
    return troubles.some(({ reason }) =>
      /^The saver files writes the run .* into .*, and this replica would write into /.test(reason),
    );
  };
  await until('the one that came second says why', saysWhy, DEADLINE_MS);
  await site.untilEnded();
  const here = await savedChunks(site.out('files', run));
  const there = await savedChunks(other.out('files', run));
  expect([Math.min(here, there), Math.max(here, there)]).toEqual([0, COUNT / 20]);
  const [right, wrong] = here === 0 ? [other, site] : [site, other];
  expectSquares(await right.exported(run), COUNT);
  expect(await right.leat('verify', run, site.file)).toMatchObject({ code: 0 });
  // The folder that was refused is not the run's, and verify knows it.
  const refused = await wrong.leat('verify', run, site.file);
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.stdout).toContain('the run was saved into');
});
