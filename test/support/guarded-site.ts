import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NATS_ROLES, type NatsRole, type PipelineSpec, type RunReport } from '@leat/core';
import { findNatsServer, type NatsServer, startNatsServer } from '@leat/nats-server';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { onTestFailed, onTestFinished } from 'vitest';
import { passwordVariable, permissionsText } from '../../packages/cli/src/permissions-text.ts';
import { type Ended, fixture, leat, type LeatProcess, spawnLeat } from './leat.ts';
import { tempDir, type TempDir } from './temp-dir.ts';
import { until } from './until.ts';

/** A pipeline over a server that knows each role as a user of its own, and no other but `admin`. */
export class GuardedSite {
  readonly file: string = fixture('guarded.ts');
  readonly #dir: TempDir;
  readonly #server: NatsServer;
  readonly #processes: LeatProcess[] = [];

  private constructor(dir: TempDir, server: NatsServer) {
    this.#dir = dir;
    this.#server = server;
  }

  /** @param without a subject that a role is not allowed, though it needs it */
  static async create(
    spec: PipelineSpec,
    options: {
      readonly version?: string | undefined;
      readonly without?: { readonly role: NatsRole; readonly subject: string };
    } = {},
  ): Promise<GuardedSite> {
    const { version, without } = options;
    const dir = await tempDir();
    for (const role of NATS_ROLES) process.env[passwordVariable(spec.name, role)] = `${role}-pass`;
    let users = permissionsText(spec).replace('users: [', 'users: [ { user: admin, password: a }');
    if (without !== undefined) {
      const at = users.indexOf(`-${without.role}"`);
      const rest = users.slice(at).replace(`            ${JSON.stringify(without.subject)}\n`, '');
      users = users.slice(0, at) + rest;
    }
    const log = `trace: true\nlog_file: ${JSON.stringify(join(dir.path, 'nats.log'))}`;
    const server = await startNatsServer({
      binary: await findNatsServer(version === undefined ? {} : { version }),
      config: `max_payload: 32KB\n${log}\n${users}`,
    });
    const site = new GuardedSite(dir, server);
    onTestFailed(() => {
      for (const { child, stderr } of site.#processes) {
        process.stderr.write(`${child.spawnargs.slice(2).join(' ')}:\n${stderr().slice(-3_000)}\n`);
      }
    });
    onTestFinished(async () => {
      await Promise.all(site.#processes.map((each) => each[Symbol.asyncDispose]()));
      await server.stop();
      await dir[Symbol.asyncDispose]();
    });
    return site;
  }

  get dir(): string {
    return this.#dir.path;
  }

  /** Connects as a role's user, or as one who may do everything. */
  async connect(role: NatsRole | 'admin'): Promise<NatsConnection> {
    const [user, pass] = role === 'admin' ? ['admin', 'a'] : [`guarded-${role}`, `${role}-pass`];
    const connection = await connect({ servers: this.#server.url, user, pass });
    onTestFinished(() => connection.close());
    return connection;
  }

  /** Runs a command to its end, as a role's user. */
  as(role: NatsRole, ...args: readonly string[]): Promise<Ended> {
    return leat(args, { cwd: this.dir, env: this.#env(role) });
  }

  /** Starts a service as its own user. */
  service(role: 'fetcher' | 'mapper' | 'saver', ...args: readonly string[]): LeatProcess {
    const child = spawnLeat([role, this.file, ...args], { cwd: this.dir, env: this.#env(role) });
    this.#processes.push(child);
    return child;
  }

  /** Waits until an observer sees a run in a state. */
  async untilState(run: string, state: RunReport['state']): Promise<void> {
    await until(`${run} is ${state}`, async () => {
      const { stdout } = await this.as('observer', 'status', run, '--json');
      return stdout !== '' && (JSON.parse(stdout) as RunReport).state === state;
    });
  }

  /** The subjects to which each user has published, as the server saw it. */
  async published(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
    const users = new Map<string, string>();
    const byUser = new Map<string, Set<string>>();
    for (const line of (await readFile(join(this.dir, 'nats.log'), 'utf8')).split('\n')) {
      const [, client = '', verb, rest = ''] = /(cid:\d+) .*<<- \[(\S+) (.*)\]$/.exec(line) ?? [];
      const [, user] = /"user":"([^"]+)"/.exec(rest) ?? [];
      if (verb === 'CONNECT' && user !== undefined) users.set(client, user);
      if (verb !== 'PUB' && verb !== 'HPUB') continue;
      const name = users.get(client) ?? '';
      const subjects = byUser.get(name) ?? new Set();
      byUser.set(name, subjects.add(rest.split(' ', 1)[0] ?? ''));
    }
    return byUser;
  }

  #env(role: NatsRole): Record<string, string> {
    return {
      NATS_URL: this.#server.url,
      NATS_USER: `guarded-${role}`,
      NATS_PASSWORD: `${role}-pass`,
      LEAT_LOG_FORMAT: 'json',
    };
  }
}

/** Whether a subject is one of those that a pattern of NATS stands for. */
export function isCovered(subject: string, pattern: string): boolean {
  const [tokens, wanted] = [subject.split('.'), pattern.split('.')];
  if (wanted.at(-1) === '>') {
    const start = wanted.slice(0, -1);
    return tokens.length > start.length && start.every((t, at) => t === '*' || t === tokens[at]);
  }
  return tokens.length === wanted.length && wanted.every((t, at) => t === '*' || t === tokens[at]);
}
