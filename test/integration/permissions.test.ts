import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NATS_ROLES, type NatsRole, permissionsOf } from '@leat/core';
import { loadPipeline } from '@leat/runtime';
import { jetstreamManager } from '@nats-io/jetstream';
import { errors } from '@nats-io/transport-node';
import { describe, expect, test } from 'vitest';
import { permissionsText } from '../../packages/cli/src/permissions-text.ts';
import { LET_GO_FILE } from '../fixtures/take-time.ts';
import { GuardedSite, isCovered } from '../support/guarded-site.ts';
import { SERVERS } from '../support/jetstream.ts';
import { fixture, leat } from '../support/leat.ts';
import { until } from '../support/until.ts';

const { spec } = await loadPipeline(fixture('guarded.ts'));
const BUCKET = '$KV.leat_guarded';

/** What this test does not come to need of what somebody may be allowed. */
const SELDOM: readonly RegExp[] = [
  // Another version of the server acknowledges by the other form; what is in flight may be little.
  /^\$JS\.ACK\./,
  /^\$JS\.FC\./,
  // Who takes the last part of a large body asks for no more of it.
  /^\$JS\.API\.CONSUMER\.(?:INFO|DELETE)\.OBJ_leat_/,
  // Nobody has changed what is to be repaired.
  /^\$JS\.API\.(?:STREAM\.(?:UPDATE|DELETE)|CONSUMER\.(?:DELETE|PAUSE))\./,
  // Who asks for the status of a run that has ended does not look at its queues.
  /^\$JS\.API\.(?:INFO$|STREAM\.INFO\.|CONSUMER\.LIST\.)/,
  // Services say what keeps them from their work, if anything does.
  /^\$KV\.leat_guarded\.trouble\./,
];

/** Every replica may be the first to see that the bucket is gone; its fetcher alone may make it and write there. */
const AFTER_LOSS =
  /^.*may not publish to \\"\$(?:JS\.API\.STREAM\.CREATE\.KV_leat_guarded|KV\.leat_guarded\.run\.r3)\\".*$/gm;

/** As above, by role: dead letters of a source and of a sink, and records that other stages than the first gave up. */
const SELDOM_BY: Readonly<Partial<Record<NatsRole, readonly RegExp[]>>> = {
  fetcher: [/^leat\.v1\.guarded\.dead\.\*$/, /^leat\.v1\.guarded\.(?:second|files|raw)\.\*$/],
  saver: [/^leat\.v1\.guarded\.dead\.\*$/],
  // A run that is cancelled without a fetcher had no large body.
  operator: [
    /^\$JS\.API\.STREAM\.(?:INFO|MSG\.GET|PURGE)\.OBJ_leat_/,
    /^\$O\.leat_guarded\.M\.\*$/,
  ],
};

describe.each(SERVERS)('each role as a user of its own on $server', ({ version }) => {
  test('does all its work, and what it may not is refused with the subject', async () => {
    const site = await GuardedSite.create(spec, { version });
    const letGo = join(site.dir, LET_GO_FILE);
    const early = await site.service('mapper', '--once').ended;
    expect(early).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(
        'this user may not publish to "$JS.API.STREAM.CREATE.leat_guarded_receipts": see docs/permissions.md',
      ),
    });

    // A fetcher makes what is not there yet.
    const fetcher = site.service('fetcher');
    await until('it is ready', () => fetcher.stderr().includes('service ready'));
    const stages = [site.service('mapper'), site.service('saver')];
    const start = ['start', site.file, '--param', 'count=100', '--param', 'hold=50', '--run'];
    expect(await site.as('operator', ...start, 'r1')).toMatchObject({ code: 0, stdout: 'r1\n' });
    await site.untilState('r1', 'paused');
    expect(await site.as('operator', 'resume', 'r1')).toMatchObject({ code: 0 });
    await writeFile(letGo, '');
    await site.untilState('r1', 'completed-with-dead-letters');

    const listed = await site.as('observer', 'dead', 'list', 'r1', '--json');
    expect(listed).toMatchObject({ code: 0, stdout: expect.stringContaining('"not yet"') });
    expect(await site.as('observer', 'verify', 'r1', site.file)).toMatchObject({ code: 0 });

    // A run that waits for its source, one that is lost with the bucket, one that is cancelled.
    const failing = [...start, 'r2', '--param', 'fail=yes'];
    expect(await site.as('operator', ...failing)).toMatchObject({ code: 0 });
    await site.untilState('r2', 'failed');
    await writeFile(join(site.dir, 'mended'), '');
    expect(await site.as('operator', ...failing)).toMatchObject({ code: 0 });
    await site.untilState('r2', 'completed');
    expect(await site.as('operator', 'dead', 'redrive', 'r1')).toMatchObject({ code: 0 });
    await site.untilState('r1', 'completed');

    stages[0]?.kill('SIGTERM');
    await stages[0]?.ended;
    await rm(letGo);
    await rm(join(site.dir, 'mended'));
    stages.push(site.service('mapper'));
    expect(await site.as('operator', ...start, 'r3')).toMatchObject({ code: 0 });
    await site.untilState('r3', 'paused');
    expect(await site.as('observer', 'resume', 'r3')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(
        `this user may not publish to "${BUCKET}.wish.r3": see docs/permissions.md`,
      ),
    });
    const admin = await site.connect('admin');
    const { streams } = await jetstreamManager(admin);
    await streams.delete('KV_leat_guarded');
    await until('the run is written down again', async () => {
      const filter = { subjects_filter: `${BUCKET}.run.r3` };
      const info = await streams.info('KV_leat_guarded', filter).catch(() => undefined);
      return Object.keys(info?.state.subjects ?? {}).length === 1;
    });
    expect(await site.as('operator', 'pause', 'r3')).toMatchObject({ code: 0 });
    await site.untilState('r3', 'paused');
    await site.as('operator', 'cancel', 'r3');
    await writeFile(letGo, '');
    await site.untilState('r3', 'cancelled');
    expect(await site.as('operator', 'dead', 'drop', 'r3')).toMatchObject({ code: 0 });

    await refuseToWrite(site, 'r3');

    for (const service of [fetcher, ...stages.slice(1)]) {
      service.kill('SIGTERM');
      expect(await service.ended).toMatchObject({ code: 0, signal: null });
      expect(service.stderr().replaceAll(AFTER_LOSS, '')).not.toContain('may not');
    }

    // An operator ends a run that no fetcher takes up, and removes what is left of it.
    expect(await site.as('operator', 'start', site.file, '--run', 'r5')).toMatchObject({ code: 0 });
    expect(await site.as('operator', 'cancel', 'r5', '--json')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('"state": "cancelled"'),
      stderr: '',
    });

    // An operator makes what is not there, too.
    for await (const name of streams.names()) await streams.delete(name);
    expect(await site.as('operator', 'start', site.file, '--run', 'r4')).toMatchObject({ code: 0 });

    const published = await site.published();
    for (const role of NATS_ROLES) {
      const subjects = [...(published.get(`guarded-${role}`) ?? [])];
      const seldom = [...SELDOM, ...(SELDOM_BY[role] ?? [])];
      const unused = permissionsOf(spec, role).publish.filter(
        (pattern) =>
          !subjects.some((subject) => isCovered(subject, pattern)) &&
          !seldom.some((each) => each.test(pattern)),
      );
      expect({ role, unused }).toEqual({ role, unused: [] });
    }
  });
});

/** Each that a role must not write, whatever it tries: ledger, wishes, runs, and the bucket as a whole. */
async function refuseToWrite(site: GuardedSite, run: string): Promise<void> {
  const admin = await site.connect('admin');
  const { streams } = await jetstreamManager(admin);
  const { state } = await streams.info('KV_leat_guarded');
  const entries = ['progress', 'wish', 'redrive', 'run'].map((kind) => `${BUCKET}.${kind}.${run}`);
  const verbs = ['CREATE', 'UPDATE', 'DELETE', 'PURGE', 'MSG.DELETE'];
  const bucket = verbs.map((verb) => `$JS.API.STREAM.${verb}.KV_leat_guarded`);
  for (const role of ['mapper', 'saver', 'observer'] satisfies NatsRole[]) {
    const user = await site.connect(role);
    for (const subject of [...entries, ...bucket]) {
      const refusal = await user.request(subject, '{}').catch((error: Error) => error.cause);
      expect(refusal).toBeInstanceOf(errors.PermissionViolationError);
      expect(refusal).toMatchObject({ operation: 'publish', subject });
    }
  }
  const { state: after } = await streams.info('KV_leat_guarded');
  expect(after.last_seq).toBe(state.last_seq);
}

const NEEDED: readonly { readonly role: NatsRole; readonly subject: string }[] = [
  { role: 'fetcher', subject: `${BUCKET}.progress.>` },
  { role: 'fetcher', subject: '$JS.API.CONSUMER.MSG.NEXT.leat_guarded_receipts.*' },
  { role: 'mapper', subject: '$JS.API.CONSUMER.MSG.NEXT.leat_guarded_second.second' },
  { role: 'mapper', subject: 'leat.v1.guarded.second.*' },
  { role: 'mapper', subject: '$O.leat_guarded.C.*' },
  { role: 'saver', subject: 'leat.v1.guarded.receipts.*' },
  { role: 'saver', subject: '$JS.API.CONSUMER.CREATE.OBJ_leat_guarded.>' },
];

test.each(NEEDED)(
  'a $role that may not publish to $subject says so, and the run waits',
  async (without) => {
    const site = await GuardedSite.create(spec, { without });
    await writeFile(join(site.dir, 'mended'), '');
    const start = ['start', site.file, '--param', 'count=60', '--run', 'r1'];
    expect(await site.as('operator', ...start)).toMatchObject({ code: 0 });
    const services = {
      fetcher: site.service('fetcher'),
      mapper: site.service('mapper'),
      saver: site.service('saver'),
    };
    const lacking = services[without.role as keyof typeof services];
    const told = /may not publish to \\"([^"\\]+)\\": see docs\/permissions\.md/g;
    await until('it says so', () =>
      [...lacking.stderr().matchAll(told)].some(([, subject = '']) =>
        isCovered(subject, without.subject),
      ),
    );
    const { stdout } = await site.as('observer', 'status', 'r1', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ endedAt: null });
  },
);

test('leat permissions prints the users as nats-server takes them, or the subjects by role', async () => {
  const printed = await leat(['permissions', fixture('guarded.ts')], { cwd: '.' });
  expect(printed).toMatchObject({ code: 0, stdout: permissionsText(spec), stderr: '' });
  const { stdout } = await leat(['permissions', fixture('guarded.ts'), '--json'], { cwd: '.' });
  expect(JSON.parse(stdout)).toEqual(
    Object.fromEntries(NATS_ROLES.map((role) => [role, permissionsOf(spec, role)])),
  );
});

test('an operator or observer that lacks a permission is told which one', async () => {
  const [run, get] = [`${BUCKET}.run.>`, '$JS.API.STREAM.MSG.GET.KV_leat_guarded'];
  const operator = await GuardedSite.create(spec, { without: { role: 'operator', subject: run } });
  expect(await operator.as('operator', 'start', operator.file, '--run', 'r1')).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining(`this user may not publish to "${BUCKET}.run.r1"`),
  });
  const observer = await GuardedSite.create(spec, { without: { role: 'observer', subject: get } });
  const started = await observer.as('operator', 'start', observer.file, '--run', 'r1');
  expect(started).toMatchObject({ code: 0 });
  expect(await observer.as('observer', 'status', 'r1')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('runs are left out: On the NATS server at'),
  });
});
