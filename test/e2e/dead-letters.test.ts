import { join } from 'node:path';
import { deadSubject } from '@leat/core';
import { startNatsServer } from '@leat/nats-server';
import type { DeadLetter } from '@leat/runtime';
import { jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { linesOf } from '../support/deployment.ts';
import { DevSite } from '../support/dev.ts';
import { type Ended, leat } from '../support/leat.ts';

const RUN = 'r1';
const LINE = `${RUN}  squares  1  12  record 42 of records  Error: no square of 42 today\n`;

/** Puts messages on the stream of dead letters, as they are. */
async function publish(url: string, run: string, ...bodies: readonly string[]): Promise<void> {
  const connection = await connect({ servers: url });
  try {
    for (const body of bodies)
      await jetstream(connection).publish(deadSubject('unruly', run), body);
  } finally {
    await connection.close();
  }
}

test('dead letters are listed, filtered and shown', async () => {
  await using site = await DevSite.create('unruly.ts');
  expect(await site.dev({}, '--run', 'r0').ended).toMatchObject({ code: 0 });
  expect(await site.dev({ mode: 'throw', at: 42 }, '--run', RUN).ended).toMatchObject({ code: 3 });
  // On the store of the `leat dev` that has ended.
  expect(await site.leat('dead', 'list')).toMatchObject({ code: 0, stdout: LINE, stderr: '' });

  // The same store, on a server that goes on running.
  await using server = await startNatsServer({ storeDir: join(site.dir, '.leat', 'nats') });
  const dead = (...args: readonly string[]): Promise<Ended> =>
    leat(['dead', ...args], { cwd: site.dir, env: { NATS_URL: server.url } });
  const json = await dead('list', RUN, '--json');
  const [letter] = linesOf<DeadLetter>(json.stdout);
  expect(letter).toMatchObject({
    pipeline: 'unruly',
    run: RUN,
    stage: 'squares',
    attempts: 2,
    error: { name: 'Error', stack: expect.stringContaining('unruly.ts') },
    record: '{"n":42}',
  });

  // Buried again, by another stage, with what commands a terminal, in another run; and no letter at all.
  const error = { name: 'RangeError', message: `\u001B[31mtoo\nbig ${'!'.repeat(300)}` };
  const own = { ...letter, stage: 'files', error };
  await publish(server.url, RUN, JSON.stringify(letter), JSON.stringify(own), 'null', '{"n":');
  await publish(server.url, 'r2', JSON.stringify({ ...own, run: 'r2' }));

  const listed = await dead('list', RUN);
  const [first = '', second = '', ...more] = listed.stdout.split('\n');
  expect({ first: `${first}\n`, more }).toEqual({ first: LINE, more: [''] });
  expect(second).toMatch(/^r1 {2}files {2}1 {2}12 .* {2}RangeError: \uFFFD\[31mtoo big !+…$/);
  expect(second).toHaveLength(160);
  expect(listed.stderr.match(/a message that is no dead letter is left out/g)).toHaveLength(2);

  const count = async (...args: readonly string[]): Promise<number> =>
    linesOf((await dead('list', '--json', ...args)).stdout).length;
  expect(
    await Promise.all([
      count('--pipeline', 'unruly'),
      count('r2'),
      count('--stage', 'files', '--error', 'RangeErr'),
      count(RUN, '--error', 'square of 42'),
    ]),
  ).toEqual([3, 1, 2, 1]);

  const shown = await dead('show', RUN, '1', '12', '--stage', 'squares');
  expect(shown.code).toBe(0);
  expect(shown.stdout).toMatch(
    /^run +r1 of unruly\n[^]*Error: no square of 42 today\nstack\n {2}Error/,
  );
  expect(shown.stdout).toMatch(/\n {6}at .*unruly\.ts[^]*\nrecord\n\{"n":42\}\n\n$/);
  expect(linesOf((await dead('show', RUN, '1', '12', '--json')).stdout)).toEqual([letter, own]);

  const none = await dead('list', 'r0');
  expect(none).toMatchObject({ code: 0, stdout: 'No dead letters.\n' });
  expect(await dead('list', RUN, '--error', 'x-y')).toMatchObject({
    code: 0,
    stdout: 'No dead letters of that kind.\n',
  });

  const refusals: readonly (readonly [args: readonly string[], says: RegExp])[] = [
    [['show', RUN, '1', '13'], /no such dead letter of record 13 of chunk 1/],
    [['list', '--pipeline', 'other'], /pipeline "other".*it has those of unruly/],
    [['list', 'a.*'], /run id "a\.\*" must be/],
    [['show', RUN], /got 1 operand: see "leat dead show --help"/],
    [['away'], /no command "dead away": use one of list, groups, show/],
  ];
  for (const [args, says] of refusals) {
    const ended = await dead(...args);
    expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(says) });
  }
});
