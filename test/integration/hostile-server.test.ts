import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { tmpdir } from 'node:os';
import { type NatsServer, startNatsServer } from '@leat/nats-server';
import { messageOf } from '@leat/core';
import { expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { hold, type HeldRun, type HoldOptions, outcomeOf } from '../support/held-run.ts';
import { mountReadOnly, type SmallDisk } from '../support/small-disk.ts';
import { tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';

/** Servers, and what an operator can do to them. */
interface Ground {
  readonly servers: readonly NatsServer[];
  readonly storeDir: string;
  /** Writes the servers' configuration; they have it when they are told to reload, or restarted. */
  readonly configure: (text: string) => Promise<void>;
  /** What was mounted over the store. */
  mounted?: SmallDisk;
}

interface Edit {
  readonly what: string;
  readonly config?: string;
  readonly user?: string;
  readonly servers?: number;
  readonly held?: HoldOptions;
  readonly edit: (ground: Ground, held: HeldRun) => Promise<unknown>;
  /** What the status says. */
  readonly named?: RegExp;
  /** Whether the run may end before that is seen, since what is open stays open. */
  readonly mayEnd?: true;
  /** What the doctor finds: codes and what was found, or the sentence of its error. */
  readonly found?: RegExp;
  /** What lets the run end. */
  readonly undo?: (ground: Ground, held: HeldRun) => Promise<unknown>;
}

const account = (limits: string): string =>
  `accounts { L { jetstream { ${limits} }\n users: [{ user: u, password: p }] } }`;

const limit =
  (limits: string): NonNullable<Edit['undo']> =>
  async ({ servers: [server], configure }) => {
    await configure(account(limits));
    process.kill(server!.pid, 'SIGHUP');
  };

async function unmount(ground: Ground): Promise<void> {
  const { mounted } = ground;
  delete ground.mounted;
  await mounted?.[Symbol.asyncDispose]();
}

const EDITS: readonly Edit[] = [
  {
    what: 'less storage for the account than it uses',
    config: account('max_file: 10GB'),
    user: 'u:p@',
    edit: limit('max_file: 1KB'),
    named: /account: storage is \d+ % used/,
    found: /storage-full .*storage is \d+ % used/,
    undo: limit('max_file: 10GB'),
  },
  {
    what: 'fewer streams for the account than it has, of which one goes',
    config: account('max_streams: 50'),
    user: 'u:p@',
    edit: async (ground, held) => {
      await limit('max_streams: 3')(ground, held);
      await until(
        'it counts',
        // Before the server is there again, it does not know JetStream.
        async () =>
          (await held.manager.getAccountInfo().catch(() => undefined))?.limits.max_streams === 3,
      );
      await held.manager.streams.delete(held.topology.queues[0]!.stream.name);
    },
    named: /_work: it is not there, and cannot be made: the account may have 3 streams and has 4/,
    found: /stream-missing .*the account may have 3 streams/,
    undo: limit('max_streams: 50'),
  },
  {
    what: 'a store that can only be read',
    edit: async (ground) => {
      ground.mounted = await mountReadOnly(join(ground.storeDir, 'jetstream'));
    },
    named: /JetStream did not answer in time/,
    mayEnd: true,
    found: /run-held-up .*JetStream did not answer in time/,
    undo: async (ground) => {
      await unmount(ground);
      // A stream that could not be written stays so until then.
      await ground.servers[0]!.restart();
    },
  },
  {
    what: 'smaller messages after a restart',
    held: { pad: 'x'.repeat(3_000) },
    edit: async ({ servers: [server], configure }) => {
      await configure('max_payload: 8KB');
      await server!.restart();
    },
    found: /payload-small .*max_payload is 8192 bytes/,
  },
  {
    what: 'a bucket that goes while no fetcher lives',
    held: { isFetcherApart: true },
    edit: async (_ground, { services: [fetcher], manager, topology }) => {
      await fetcher!.stop(0);
      await manager.streams.delete(topology.entries.name);
    },
    named: /No fetcher|not there/,
    undo: (_ground, { serveFetcher }) => serveFetcher(),
  },
  {
    what: 'a bucket without a leader',
    servers: 3,
    held: { topology: { replicas: 3 } },
    edit: async ({ servers: [, ...others] }) =>
      Promise.all(others.map((server) => server.kill('SIGKILL'))),
    named: /has no leader|no leader/,
    found: /no leader|stream-unavailable stream/,
    undo: async ({ servers: [, ...others] }) =>
      Promise.all(others.map((server) => server.restart())),
  },
];

async function withGround(
  { config = '', servers: count = 1 }: Edit,
  work: (ground: Ground) => Promise<void>,
): Promise<void> {
  await using dir = await tempDir();
  const file = join(dir.path, 'extra.conf');
  const configure = (text: string): Promise<void> => writeFile(file, text);
  await configure(config);
  const storeDir = join(dir.path, 'nats');
  await mkdir(storeDir);
  // A server takes it relative to its own configuration, which is in a folder beside.
  const include = `include "${join('..', relative(tmpdir(), file))}"`;
  const ports = await Promise.all(Array.from({ length: count }, freePort));
  const routes = ports.map((port) => `nats-route://127.0.0.1:${port}`).join(', ');
  const servers: NatsServer[] = [];
  const ground: Ground = { servers, storeDir, configure };
  try {
    for (const [at, port] of ports.entries()) {
      const cluster = `server_name: s${at}\ncluster { name: c, listen: "127.0.0.1:${port}", routes: [${routes}] }`;
      const options = count === 1 ? { storeDir, config: include } : { config: cluster };
      servers.push(await startNatsServer(options));
    }
    await work(ground);
  } finally {
    await unmount(ground);
    for (const server of servers) await server.stop();
  }
}

/** What the doctor finds, or says of a server that it cannot look at. */
async function foundOf({ leat, definition }: HeldRun, found: RegExp): Promise<string> {
  let seen = '';
  await until('the doctor finds it', async () => {
    seen = await leat
      .doctor({ pipeline: definition })
      .then(
        ({ findings }) =>
          findings.map((each) => `${each.code} ${each.subject}: ${each.found}`).join('\n'),
        messageOf,
      );
    return found.test(seen);
  }).catch(() => undefined);
  return found.test(seen) ? 'found' : seen;
}

/** What comes of an edit; the last step is that the run ends with all its records. */
async function stepsOf(each: Edit, ground: Ground): Promise<string[]> {
  const { user = '', held: options, edit, named, mayEnd, found, undo } = each;
  const url = ground.servers.map((server) => server.url.replace('//', `//${user}`)).join(',');
  let run: HeldRun | undefined;
  await until('the servers are ready', async () => {
    run = await hold(url, options).catch(() => undefined);
    return run !== undefined;
  });
  await using held = run!;
  await edit(ground, held);
  held.letGo();
  if (ground.mounted?.failure !== undefined) return [];
  const steps: string[] = [];
  if (named !== undefined) steps.push(await outcomeOf(held, named));
  if (mayEnd && steps[0] === 'ended') return steps;
  if (found !== undefined) steps.push(await foundOf(held, found));
  await undo?.(ground, held);
  steps.push(await outcomeOf(held));
  return steps;
}

test.concurrent.for(EDITS)(
  'a run survives $what, and says so',
  { timeout: 150_000 },
  async (each, context) => {
    await withGround(each, async (ground) => {
      const steps = await stepsOf(each, ground);
      if (ground.mounted?.failure !== undefined) {
        const reason = `NOT TESTED: ${each.what}, because nothing can be mounted here: ${ground.mounted.failure}`;
        process.stderr.write(`${reason}\n`);
        context.skip(reason);
      }
      const { named, mayEnd, found } = each;
      if (mayEnd && steps.length === 1) expect(steps).toEqual(['ended']);
      else
        expect(steps).toEqual([...(named ? ['named'] : []), ...(found ? ['found'] : []), 'ended']);
    });
  },
);
