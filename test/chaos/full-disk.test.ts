import { appendFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startNatsServer } from '@leat/nats-server';
import { expect, test } from 'vitest';
import { Deployment, expectBalance, expectSquares } from '../support/deployment.ts';
import { mountSmall } from '../support/small-disk.ts';
import { tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';

const COUNT = 12_000;
const SIZE_BYTES = 32 * 1_024 * 1_024;

test('the disk under the server is full for a while', async (context) => {
  await using dir = await tempDir();
  const storeDir = join(dir.path, 'nats');
  await mkdir(storeDir);
  await using disk = await mountSmall(storeDir, String(SIZE_BYTES));
  if (disk.failure !== undefined) {
    const reason = `NOT TESTED: a full disk under the server, because no file system can be mounted here: ${disk.failure}`;
    process.stderr.write(`${reason}\n`);
    context.skip(reason);
    return;
  }
  // By itself it would not promise more than the disk has.
  const config = 'jetstream { max_file_store: 8GB }';
  const server = await startNatsServer({ storeDir, config });
  const env = { LEAT_ACK_WAIT_MS: '2000' };
  await using site = await Deployment.create('steady.ts', { server, env });
  const run = await site.start({ count: COUNT, delayMs: 60 });
  const fetcher = site.service('fetcher');
  const services = [fetcher, ...site.services('mapper', 2), site.service('saver')];
  await site.untilSaved(100, run, 'steady');

  const ballast = join(storeDir, 'ballast');
  const bytes = Buffer.alloc(SIZE_BYTES);
  // Again and again, because the server frees what is acknowledged.
  const untilFull = async (what: string, isSaid: () => boolean): Promise<void> =>
    until(what, async () => {
      const full = appendFile(ballast, bytes);
      await expect(full).rejects.toMatchObject({ code: 'ENOSPC' });
      return isSaid();
    });
  // Who has something to send at that moment is chance: a fetcher whose window is full has nothing.
  await untilFull('one says "waiting to send"', () =>
    services.some((service) => service.stderr().includes('waiting to send')),
  );
  await untilFull('the fetcher says "ledger not written yet"', () =>
    fetcher.stderr().includes('ledger not written yet'),
  );
  // Pending, if its fetcher could not write for a while.
  expect(['running', 'pending']).toContain((await site.report(run)).state);
  await rm(ballast);
  await site.letGo();
  // A stream that could not be written stays so until then.
  await server.restart();
  await site.untilEnded();

  const report = await site.report(run);
  expect(report).toMatchObject({ state: 'completed', records: { in: COUNT, saved: COUNT } });
  expectBalance(report);
  expect(await site.verify(run)).toMatchObject({ code: 0 });
  expectSquares(await site.exported(run), COUNT);
});
