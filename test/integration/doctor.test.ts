import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { deadSubject, FIRST_CHECKPOINT, stageSubject } from '@leat/core';
import type { PipelineConnection } from '@leat/runtime';
import { describe, expect, onTestFinished, test } from 'vitest';
import { doctor, openCities, remakeConsumer, work } from '../support/doctor.ts';
import { freePort } from '../support/free-port.ts';
import {
  lineSpec,
  openPipeline,
  sendChunks,
  SERVERS,
  startReceiver,
  startServer,
} from '../support/jetstream.ts';
import { fixture, leat } from '../support/leat.ts';
import { until } from '../support/until.ts';

async function completeRun({ runs, spec }: PipelineConnection, run: string): Promise<void> {
  const past = '2026-01-01T00:00:00.000Z';
  await runs.create({ run, pipeline: spec.name, params: {}, spec, createdAt: past });
  await runs.save(
    run,
    {
      state: 'completed',
      fence: 1,
      startedAt: past,
      updatedAt: past,
      endedAt: past,
      ledger: FIRST_CHECKPOINT,
    },
    0,
  );
}

describe.each(SERVERS)('leat doctor on $server', ({ version }) => {
  test('has only a note for what Leat itself has made', async () => {
    const { server } = await openCities(version);
    const { code, findings } = await doctor(server.url);
    expect({ code, codes: findings.map((finding) => finding.code) }).toEqual({
      code: 0,
      codes: ['sync-interval-unseen'],
    });
  });

  test('finds a queue that stands still, and one that is nearly full', async () => {
    const { server, connection } = await openCities(version, { maxMessages: 10 });
    await sendChunks(connection, 10);
    const { code, found } = await doctor(server.url);
    // Nobody has written down that there is such a run, either.
    expect(found).toEqual([
      'queue-stands-still consumer work of leat_cities_work',
      'leftovers stream leat_cities_work',
      'queue-nearly-full stream leat_cities_work',
    ]);
    expect(code).toBe(1);
  });

  test('leaves a queue alone that somebody works on', async () => {
    const server = await startServer(version);
    const opened = await openPipeline(server, lineSpec('cities'));
    const { connection } = opened;
    const { runs, spec } = connection;
    const createdAt = new Date().toISOString();
    await runs.create({ run: 'run-1', pipeline: 'cities', params: {}, spec, createdAt });
    const receiver = startReceiver(opened, () => undefined, 3);
    await sendChunks(connection, 10);
    await until('chunks are held', () => receiver.deliveries.length === 3);
    const { code, found } = await doctor(server.url);
    expect({ code, found }).toEqual({ code: 0, found: [] });
  });

  test('finds chunks that are held by nobody who lives', async () => {
    const { server, connection } = await openCities(version, { ackWaitMs: 8_000 });
    const { client, runs, spec } = connection;
    const createdAt = new Date().toISOString();
    await runs.create({ run: 'run-1', pipeline: 'cities', params: {}, spec, createdAt });
    await sendChunks(connection, 10);
    const consumer = await client.consumers.get('leat_cities_work', 'work');
    for await (const _ of await consumer.fetch({ max_messages: 3, expires: 1_000 })) continue;
    const { findings } = await doctor(server.url);
    expect(findings[0]).toMatchObject({
      code: 'queue-stands-still',
      found: '3 messages are held without a sign of life, 7 wait, and no replica pulls',
    });
  });

  test('finds what a run has left', async () => {
    const { server, connection } = await openCities(version);
    await completeRun(connection, 'run-1');
    await connection.nats.request(stageSubject('cities', 'receipts', 'run-1'), 'x');
    const { code, findings, found } = await doctor(server.url);
    expect({ code, found }).toEqual({
      code: 1,
      found: ['leftovers stream leat_cities_receipts'],
    });
    expect(findings[0]?.found).toBe(
      '1 messages on leat.v1.cities.receipts.run-1, of a run that is completed',
    );
  });

  test('finds dead letters that are nearly full', async () => {
    const { server, connection } = await openCities(version, { maxBytes: 2_000 });
    await connection.nats.request(deadSubject('cities', 'r'), Buffer.alloc(1_700));
    const { found } = await doctor(server.url);
    expect(found).toEqual(['dead-letters-nearly-full stream leat_cities_dead']);
  });

  test('holds a server against a pipeline file', async () => {
    const server = await startServer(version);
    const { connection } = await openPipeline(server, lineSpec('other'));
    await connection.manager.streams.delete(work(connection.topology));
    const { found, code } = await doctor(server.url, [fixture('squares.ts')]);
    const missing = ['squares', 'files', 'receipts', 'dead'].map(
      (stage) => `stream-missing stream leat_squares_${stage}`,
    );
    expect({ code, found }).toEqual({
      code: 0,
      found: [...missing, 'stream-missing stream KV_leat_squares'],
    });
    await connection.manager.streams.add({ name: 'leat_squares_old', subjects: ['old'] });
    const { found: later } = await doctor(server.url, [fixture('squares.ts')]);
    expect(later[0]).toBe('stream-unknown stream leat_squares_old');
  });

  test('finds a server that stands alone in production', async () => {
    const { server } = await openCities(version);
    const { found } = await doctor(server.url, ['--production']);
    expect(found[0]).toMatch(/^single-server server /);
    expect(found.filter((line) => line.startsWith('few-replicas'))).toHaveLength(5);
  });

  test('finds an account that is nearly full', async () => {
    const config = `
      accounts { A { jetstream { max_streams: 5 }, users: [{ user: a, password: a }] } }
      no_auth_user: a`;
    const { server } = await openCities(version, {}, config);
    const { findings } = await doctor(server.url);
    expect(findings[0]).toMatchObject({
      code: 'storage-nearly-full',
      found: 'streams is 100 % used (5 of 5)',
    });
  });

  test('sees by monitoring how often a server syncs', async () => {
    const port = await freePort();
    const monitor = `http://127.0.0.1:${port}`;
    const { server } = await openCities(version, {}, `http: "127.0.0.1:${port}"`);
    const { code, findings } = await doctor(server.url, ['--monitor', monitor]);
    expect({ code, findings }).toEqual({ code: 0, findings: [] });

    const late = await freePort();
    const config = `http: "127.0.0.1:${late}"\njetstream { sync_interval: "2m" }`;
    const { server: lazy } = await openCities(version, {}, config);
    const seen = await doctor(lazy.url, ['--monitor', `http://127.0.0.1:${late}/`]);
    expect(seen.findings).toMatchObject([
      { code: 'sync-interval-long', found: 'sync_interval is 120 s' },
    ]);
    expect(seen.code).toBe(1);
  });

  test('says when monitoring does not answer as it should', async () => {
    const stranger = createServer((_, response) => response.end('{}')).listen(0, '127.0.0.1');
    onTestFinished(() => void stranger.close());
    await new Promise((resolve) => stranger.once('listening', resolve));
    const { port } = stranger.address() as AddressInfo;
    const { server } = await openCities(version);
    const monitors = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${await freePort()}`];
    const { code, findings } = await doctor(
      server.url,
      monitors.flatMap((url) => ['--monitor', url]),
    );
    expect({ code, findings }).toMatchObject({
      code: 1,
      findings: [
        { code: 'monitor-unreachable', found: 'its /varz is not that of a NATS server' },
        { code: 'monitor-unreachable', found: expect.stringContaining('ECONNREFUSED') },
      ],
    });
  });

  test('finds that the clocks differ', async () => {
    const { server } = await openCities(version);
    const late = 'const%20now=Date.now;Date.now=()=>now()-36e5';
    const { findings } = await doctor(server.url, [], {
      NODE_OPTIONS: `--import=data:text/javascript,${late}`,
    });
    expect(findings[0]).toMatchObject({
      code: 'clock-skew',
      found: expect.stringMatching(/^its clock is 3(?:59|60)\d\.\d s ahead of this machine's$/),
    });
  });

  test('a server that is not there, or does not let Leat look, is exit code 2', async () => {
    const gone = await doctor(`nats://127.0.0.1:${await freePort()}`);
    expect(gone).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/No NATS server answers/),
    });
    const plain = await startServer(version, { jetstream: false });
    expect(await doctor(plain.url)).toMatchObject({ code: 2 });
    const config = `
      authorization { users: [{ user: a, password: a, permissions: { publish: { deny: "$JS.API.STREAM.>" } } }] }
      no_auth_user: a`;
    const strict = await startServer(version, { config });
    expect(await doctor(strict.url, ['--log-level', 'silent'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /^leat: .+ this user may not publish to "\$JS\.API\.STREAM\.NAMES": see docs\/permissions\.md/,
      ),
    });
  });

  test('a line says all of a finding', async () => {
    const { server, connection } = await openCities(version);
    await remakeConsumer(connection, { max_deliver: 3 });
    const { stdout } = await leat(['doctor', '--nats', server.url], { cwd: '.' });
    const [line, note, summary, ...rest] = stdout.split('\n');
    expect(line).toMatch(
      /^error {4}max-deliver {14}consumer work of leat_cities_work: max_deliver is 3, wanted -1\. .+ Remedy: .+ \(--fix does it\)$/,
    );
    expect(note).toMatch(/^note {5}sync-interval-unseen /);
    expect([summary, ...rest]).toEqual(['1 error, 1 note.', '']);
    const { stdout: fixed } = await leat(['doctor', '--fix', '--nats', server.url], { cwd: '.' });
    expect(fixed).toMatch(
      /^mended {3}max-deliver {14}consumer work of leat_cities_work: .+ is 3, wanted -1\n/,
    );
  });
});
