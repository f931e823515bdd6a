import { expect, onTestFinished, test } from 'vitest';
import { openPostgres } from '../../packages/connectors/src/postgres/postgres-database.ts';
import { Deployment, expectBalance } from '../support/deployment.ts';
import type { LeatProcess } from '../support/leat.ts';
import { startPostgres } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const COUNT = 4_000;

test('mappers that save are killed, and their sink is away: nothing is lost or twice', async () => {
  const database = await startPostgres();
  onTestFinished(() => database[Symbol.asyncDispose]());
  const query = async (text: string): Promise<readonly (readonly unknown[])[]> => {
    const connection = await openPostgres({ connectionString: database.url }, 1, () => undefined);
    try {
      return await connection.query(text);
    } finally {
      await connection.close();
    }
  };
  const saved = async (): Promise<number> => {
    const rows = await query('SELECT count(*)::text FROM squares').catch(() => []);
    return Number(rows[0]?.[0] ?? 0);
  };
  const env = { DATABASE_URL: database.url, LEAT_ACK_WAIT_MS: '2000' };
  await using site = await Deployment.create('inline-table.ts', { env });
  const run = await site.start({ count: COUNT, delayMs: 5, hold: COUNT * 0.8 });
  site.service('fetcher');
  const [first, second] = site.services('mapper', 2);

  const waits = (mapper: LeatProcess | undefined): boolean =>
    mapper?.stderr().includes('is not available, waiting') ?? false;
  await until('some are saved', async () => (await saved()) >= COUNT * 0.1);
  first?.kill('SIGKILL');
  await until('more are saved', async () => (await saved()) >= COUNT * 0.3);
  await database.stop();
  await until('it waits', () => waits(second));
  const away = await site.report(run);
  expect(away).toMatchObject({ state: 'running' });
  second?.kill('SIGKILL');
  const [third] = site.services('mapper', 2);
  await until('another waits', () => waits(third));
  await database.restart();
  await site.letGo();
  await site.untilEnded();

  const report = await site.report(run);
  expect(report).toMatchObject({
    state: 'completed',
    records: { in: COUNT, saved: COUNT, dead: 0 },
  });
  expectBalance(report);
  expect(await site.verify(run)).toMatchObject({ code: 0 });
  const sums = await query(
    'SELECT count(*)::text, count(DISTINCT n)::text, sum(square)::text FROM squares',
  );
  const squares = Array.from({ length: COUNT }, (_, n) => n * n);
  const sum = squares.reduce((total, each) => total + each, 0);
  expect(sums).toEqual([[`${COUNT}`, `${COUNT}`, `${sum}`]]);

  const alone = await site.leat('saver', site.file);
  expect(alone).toMatchObject({ code: 2 });
  expect(alone.stderr).toContain(
    'The saver table is inline: the service of the mapper squares does its work.',
  );
});
