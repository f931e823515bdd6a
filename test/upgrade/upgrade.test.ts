import path from 'node:path';
import { findNatsServer, type NatsServer, startNatsServer } from '@leat/nats-server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { BOOKS, type Grounds, MENDED_BOOKS, MixedRun, type Role, ROLES } from './mixed-run.ts';
import { tempDir, type TempDir } from '../support/temp-dir.ts';
import { COMING, HEEDLESS, UNREADABLE } from './coming-version.ts';
import { HERE, releaseBuild } from './release-build.ts';
import { type Edit, variantOf } from './variant.ts';

let old = '';
let nats: NatsServer;
let postgres: TestPostgres;
beforeAll(async () => {
  old = await releaseBuild();
  nats = await startNatsServer({ binary: await findNatsServer() });
  postgres = await startPostgres();
});
afterAll(async () => {
  await nats?.stop();
  await postgres?.[Symbol.asyncDispose]();
});
/** A build that is another one with edits. */
async function edited(dir: TempDir, build: string, edits: readonly Edit[]): Promise<string> {
  return variantOf(build, path.join(dir.path, `${builds++}`), edits);
}
let builds = 0;
const grounds = (): Grounds => ({ nats, postgres });

/** Every pairing of roles, as which of them are of the last release. */
const PAIRINGS = Array.from({ length: 8 }, (_, bits) =>
  ROLES.filter((_role, at) => (bits >> at) & 1),
);

describe('services of the last release and of this version work on one run', () => {
  test.each(PAIRINGS.map((roles) => [roles.join(' and ') || 'nothing', roles] as const))(
    'first %s of the last release, and then the other way round',
    async (_, roles) => {
      const isOld = (role: Role): boolean => roles.includes(role);
      const buildOf = (isIt: boolean): string => (isIt ? old : HERE);
      const name = `pairing-${ROLES.map((role) => (isOld(role) ? 'o' : 'n')).join('')}`;
      await using run = await MixedRun.start(grounds(), name, buildOf(isOld('fetcher')));
      for (const role of ROLES) await run.put(role, buildOf(isOld(role)));
      await run.untilUnderWay();
      // A rollout stops them; a node that dies meanwhile kills them.
      for (const role of ROLES) {
        await run.put(role, buildOf(!isOld(role)), isOld('mapper') ? 'SIGTERM' : 'SIGKILL');
      }
      await run.letGo();
      if (!isOld('saver')) await newSaverComesBack(run);
      const report = await run.untilEnded(HERE);
      expect(await run.flaws()).toEqual([]);
      expect(report.records).toMatchObject(BOOKS);
    },
  );
});

/** Savers of the last release end where this version began an NDJSON folder, and say why. */
async function newSaverComesBack(run: MixedRun): Promise<void> {
  await run.untilSaid('The ndjson sink cannot write to the directory');
  await run.put('saver', HERE);
}

test.each([
  ['the last release', 'this version', true],
  ['this version', 'the last release', false],
])('what died under %s is tried again under %s', async (_, __, isOldFirst) => {
  const [first, second] = isOldFirst ? [old, HERE] : [HERE, old];
  await using run = await MixedRun.start(grounds(), `redrive-${isOldFirst ? 'on' : 'no'}`, first);
  for (const role of ROLES) await run.put(role, first);
  await run.letGo();
  expect((await run.untilEnded(second)).records).toMatchObject(BOOKS);
  for (const role of ROLES) await run.put(role, second);
  await run.mend();
  await run.redrive(second);
  if (!isOldFirst) await newSaverComesBack(run);
  expect((await run.untilEnded(first)).records).toMatchObject(MENDED_BOOKS);
  expect(await run.flaws(true)).toEqual([]);
});

describe('services of a version to come, which writes what this one cannot read', () => {
  test('are left alone where they are ahead, and nothing is lost', async () => {
    await using dir = await tempDir();
    const coming = await edited(dir, HERE, COMING);
    await using run = await MixedRun.start(grounds(), 'coming', HERE);
    for (const role of ROLES) await run.put(role, HERE);
    await run.untilUnderWay();
    await run.put('saver', coming);
    await run.letGo();
    expect(await run.untilTrouble(HERE, 'numbers')).toContain('a newer Leat wrote it');
    await run.put('fetcher', coming);
    expect(await run.untilTrouble(HERE, 'parts')).toContain('a newer Leat wrote it');
    await run.put('mapper', coming);
    const report = await run.untilEnded(coming);
    expect(await run.flaws()).toEqual([]);
    expect(report.records).toMatchObject(BOOKS);
  });

  test('would be lost on a version that heeds no versions, which shows here', async () => {
    await using dir = await tempDir();
    const [coming, heedless] = [await edited(dir, HERE, COMING), await edited(dir, HERE, HEEDLESS)];
    await using run = await MixedRun.start(grounds(), 'heedless', HERE);
    await run.put('fetcher', heedless);
    await run.put('mapper', HERE);
    await run.put('saver', HERE);
    await run.untilUnderWay();
    await run.put('saver', coming);
    await run.letGo();
    expect(await run.verdict(HERE, 15_000)).not.toEqual([]);
    // What was missing is the versions alone.
    expect(run.said()).toContain('receipt not understood');
  });
});

test('a last release whose receipts this version could not read would show here', async () => {
  await using dir = await tempDir();
  const unreadable = await edited(dir, old, UNREADABLE);
  await using run = await MixedRun.start(grounds(), 'unreadable', old);
  await run.put('fetcher', HERE);
  await run.put('mapper', old);
  await run.put('saver', unreadable);
  await run.letGo();
  expect(await run.verdict(HERE, 15_000)).not.toEqual([]);
  expect(run.said()).toContain('receipt not understood');
});
