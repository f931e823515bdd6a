import { describe, expect, test } from 'vitest';
import { doctor, openCities, remakeConsumer, remakeWork, work } from '../support/doctor.ts';
import { openPipeline, sendChunks, SERVERS, startReceiver } from '../support/jetstream.ts';
import { until } from '../support/until.ts';

describe.each(SERVERS)('leat doctor --fix on $server', ({ version }) => {
  test('mends what it may, loses nothing, and leaves a clean report', async () => {
    const { server, connection } = await openCities(version);
    const { manager, topology, runs, spec } = connection;
    const createdAt = new Date().toISOString();
    await runs.create({ run: 'run-1', pipeline: 'cities', params: {}, spec, createdAt });
    await remakeWork(connection, { discard: 'old', duplicate_window: 1e9 });
    await remakeConsumer(connection, { ack_wait: 300e9, max_deliver: 3, max_ack_pending: 5 });
    await sendChunks(connection, 20);
    await manager.consumers.delete('leat_cities_out', 'out');
    await manager.streams.delete('leat_cities_receipts');
    await manager.streams.delete('leat_cities_dead');

    const { mended, found } = await doctor(server.url, ['--fix']);
    expect(mended.map(({ code }) => code).toSorted()).toEqual([
      'ack-pending-low',
      'ack-wait-long',
      'consumer-missing',
      'discard-old',
      'duplicate-window-short',
      'max-deliver',
      'stream-missing',
      'stream-missing',
    ]);
    expect(mended.filter(({ refusal }) => refusal !== undefined)).toEqual([]);
    expect(found).toEqual(['queue-stands-still consumer work of leat_cities_work']);
    expect((await manager.streams.info(work(topology))).state.messages).toBe(20);

    // A service finds everything as it wants it, and gets what was there.
    const receiver = startReceiver(await openPipeline(server, spec), ({ ack }) => ack());
    await until('all chunks arrived', () => receiver.deliveries.length === 20);
    await receiver.stop();
    expect(await doctor(server.url)).toMatchObject({ code: 0, found: [] });
  });

  test('says what the server refuses, and leaves alone what it may not touch', async () => {
    const { server, connection } = await openCities(version);
    const { manager, topology } = connection;
    await remakeWork(connection, { retention: 'limits', storage: 'memory' });
    await manager.streams.delete('leat_cities_dead');
    await manager.streams.add({ name: 'thief', subjects: [...topology.dead.subjects] });
    const { code, mended, found } = await doctor(server.url, ['--fix', '--production']);
    expect(mended).toMatchObject([
      { code: 'stream-missing', refusal: expect.stringMatching(/another stream has its subjects/) },
    ]);
    expect(code).toBe(1);
    expect(found).toContain('wrong-retention stream leat_cities_work');
    expect(found).toContain('memory-storage stream leat_cities_work');
    expect(found).toContain('stream-missing stream leat_cities_dead');
  });
});
