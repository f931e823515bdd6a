import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { type RequestListener, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { NatsServerError } from './error.ts';
import { type FindNatsServerOptions, findNatsServer } from './find-nats-server.ts';
import { checksumOf, releaseName } from './release.ts';
import { runCommand } from './run-command.ts';
import { PINNED_VERSION } from './version.ts';

/** A folder for the test, with a cache in it and an empty PATH: no go, no apt. */
let directory: string;
let lines: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'leat-find-'));
  lines = [];
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

function find(
  env: NodeJS.ProcessEnv = {},
  options: FindNatsServerOptions = {},
): ReturnType<typeof findNatsServer> {
  return findNatsServer({
    env: { PATH: '', LEAT_CACHE_DIR: join(directory, 'cache'), ...env },
    log: (line) => lines.push(line),
    // Nobody listens there: the release cannot be reached, unless a test says otherwise.
    releaseUrl: 'http://127.0.0.1:2',
    ...options,
  });
}

/** A program which says that it is a nats-server of this version. */
async function fake(version: string, ...folder: string[]): Promise<string> {
  const path = join(directory, ...folder);
  await mkdir(path, { recursive: true });
  const script = `#!/bin/sh\necho 'nats-server: v${version}'\n`;
  await writeFile(join(path, 'nats-server'), script, { mode: 0o755 });
  return join(path, 'nats-server');
}

async function cacheFiles(): Promise<string[]> {
  const platform = `${process.platform}-${process.arch}`;
  return (await readdir(join(directory, 'cache', 'nats-server', platform))).toSorted();
}

describe('NATS_SERVER_BIN', () => {
  test('is used if it is new enough', async () => {
    const path = await fake('2.10.27', 'bin');
    expect(await find({ NATS_SERVER_BIN: path })).toEqual({
      path,
      version: '2.10.27',
      origin: 'env',
    });
  });

  test.each([
    ['is missing', () => '/nowhere/nats-server', /NATS_SERVER_BIN=.*no program of this name/],
    ['is a folder', () => directory, /NATS_SERVER_BIN=.*no program of this name/],
    ['is another program', () => process.execPath, /does not say that it is a nats-server/],
    [
      'is too old',
      () => fake('2.9.10', 'old'),
      /refused.* 2\.9\.10.*2\.10\.27 or newer.*lose them/,
    ],
  ])('is an error if it %s, even with a good server on PATH', async (_, named, message) => {
    await fake('2.15.2', 'good');
    const env = { NATS_SERVER_BIN: await named(), PATH: join(directory, 'good') };
    const error = await find(env).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NatsServerError);
    expect(error).toHaveProperty('message', expect.stringMatching(message));
  });

  test('is passed over if another version is asked for', async () => {
    const old = await fake('2.10.27', 'old');
    const named = await fake('2.15.2', 'named');
    const env = { NATS_SERVER_BIN: named, PATH: join(directory, 'old') };
    expect(await find(env, { version: 'v2.10.27' })).toMatchObject({ path: old, origin: 'path' });
    expect(await find(env, { version: '2.15.2' })).toMatchObject({ path: named, origin: 'env' });
  });
});

describe('PATH', () => {
  test('gives the first that is new enough, and says why an older one is refused', async () => {
    await fake('2.9.10', 'old');
    const path = await fake('2.11.0', 'new');
    const env = { PATH: [join(directory, 'old'), '', join(directory, 'new')].join(':') };
    expect(await find(env)).toEqual({ path, version: '2.11.0', origin: 'path' });
    expect(lines).toEqual([expect.stringMatching(/old.* is nats-server 2\.9\.10, and Leat needs/)]);
  });

  test('asks the same program once, and passes over one that does not run', async () => {
    await fake('2.9.10', 'old');
    await mkdir(join(directory, 'link'));
    await symlink(join(directory, 'old', 'nats-server'), join(directory, 'link', 'nats-server'));
    await mkdir(join(directory, 'bad'));
    await writeFile(join(directory, 'bad', 'nats-server'), '#!/bin/sh\nexit 3\n', { mode: 0o755 });
    const path = await fake('2.15.2', 'new');
    const folders = ['old', 'link', 'bad', 'new'].map((name) => join(directory, name));
    expect(await find({ PATH: folders.join(':') })).toMatchObject({ path });
    expect(lines).toHaveLength(2);
    expect(lines[1]).toContain('is passed over');
  });
});

describe('nothing', () => {
  test('is one sentence with the ways out, and leaves nothing behind', async () => {
    const failure = find();
    await expect(failure).rejects.toThrow(NatsServerError);
    await expect(failure).rejects.toThrow(
      /no nats-server .* \(release: .*ECONNREFUSED.*debian: .*; go: go is not installed\): install nats-server .* NATS_SERVER_BIN, .* Go, .* NATS_URL$/,
    );
    expect(await cacheFiles()).toEqual([]);
  });

  test.each(['latest', '2.10', '../2.10.27'])('refuses the version "%s"', async (version) => {
    await expect(find({}, { version })).rejects.toThrow(`"${version}" is not a version`);
  });

  test('says what to do if the cache cannot be written', async () => {
    await writeFile(join(directory, 'cache'), '');
    await expect(find()).rejects.toThrow(/cache folder .* cannot be used .*LEAT_CACHE_DIR/);
  });

  test('stops when it is told to', async () => {
    const reason = new Error('enough');
    await expect(find({}, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

/** Serves releases in the layout of the official ones. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return `http://127.0.0.1:${port}`;
}

/** An archive in which the server says that it has the version `says`. */
async function release(version: string, says: string = version): Promise<Map<string, Buffer>> {
  const name = releaseName(version);
  await fake(says, 'release', name);
  const archive = join(directory, `${name}.tar.gz`);
  await runCommand('tar', ['-czf', archive, '-C', join(directory, 'release'), name], {
    timeoutMs: 10_000,
  });
  const content = await readFile(archive);
  const sum = createHash('sha256').update(content).digest('hex');
  const sums = `${'0'.repeat(64)}  other.zip\n${sum}  ${name}.tar.gz\n`;
  return new Map([
    [`/v${version}/SHA256SUMS`, Buffer.from(sums)],
    [`/v${version}/${name}.tar.gz`, content],
  ]);
}

const answer =
  (files: ReadonlyMap<string, Buffer>): RequestListener =>
  (request, response) => {
    const content = files.get(request.url ?? '');
    response.writeHead(content === undefined ? 404 : 200).end(content);
  };

describe('the release', () => {
  const archivePath = `/v${PINNED_VERSION}/${releaseName(PINNED_VERSION)}.tar.gz`;

  test('is downloaded, checked and kept', async () => {
    const releaseUrl = await serve(answer(await release(PINNED_VERSION)));
    const first = await find({}, { releaseUrl });
    expect(first).toMatchObject({ version: PINNED_VERSION, origin: 'release' });
    expect(lines.at(-1)).toContain(`got nats-server ${PINNED_VERSION} (release)`);
    expect(await find()).toEqual({ ...first, origin: 'cache' });
    expect(await cacheFiles()).toEqual([PINNED_VERSION]);
  });

  test('is exactly the version that is asked for, beside the others', async () => {
    const files = [...(await release(PINNED_VERSION)), ...(await release('2.10.27'))];
    const releaseUrl = await serve(answer(new Map(files)));
    await find({}, { releaseUrl });
    const old = await find({}, { releaseUrl, version: '2.10.27' });
    expect(old).toMatchObject({ version: '2.10.27', origin: 'release' });
    expect(await find({}, { version: '2.10.27' })).toMatchObject({ origin: 'cache' });
    expect(await find()).toMatchObject({ version: PINNED_VERSION, origin: 'cache' });
  });

  test('of an older version that a test has cached does not serve those who ask for any', async () => {
    const releaseUrl = await serve(answer(await release('2.10.27')));
    await find({}, { releaseUrl, version: '2.10.27' });
    await expect(find()).rejects.toThrow(`no nats-server ${PINNED_VERSION} could be had`);
  });

  test('is used from the cache only if it still runs', async () => {
    const releaseUrl = await serve(answer(await release(PINNED_VERSION)));
    const { path } = await find({}, { releaseUrl });
    await writeFile(path, 'damaged');
    expect(await find({}, { releaseUrl })).toMatchObject({ path, origin: 'release' });
  });

  const broken: [string, (files: Map<string, Buffer>) => RequestListener, RegExp][] = [
    [
      'has another checksum',
      (files) => answer(files.set(archivePath, Buffer.from('something else'))),
      /refused: its SHA-256 is [0-9a-f]{64}, but the release says [0-9a-f]{64}/,
    ],
    [
      'has no checksum',
      (files) => answer(files.set(`/v${PINNED_VERSION}/SHA256SUMS`, Buffer.from('\n'))),
      /has no checksum for nats-server-v/,
    ],
    ['is missing', () => answer(new Map()), /SHA256SUMS answered 404/],
    [
      'has no build for this platform',
      (files) => {
        files.delete(archivePath);
        return answer(files);
      },
      /tar\.gz answered 404/,
    ],
    [
      'is cut short',
      (files) => (request, response) => {
        const content = files.get(request.url ?? '') ?? Buffer.alloc(0);
        if (request.url !== archivePath) {
          response.end(content);
          return;
        }
        response.writeHead(200, { 'content-length': content.length });
        response.write(content.subarray(0, 100), () => response.destroy());
      },
      /tar\.gz cannot be read/,
    ],
    ['is never answered', () => () => {}, /did not answer within 4 s/],
  ];

  test.each(broken)('that %s is not used', async (_, listener, message) => {
    const releaseUrl = await serve(listener(await release(PINNED_VERSION)));
    await expect(find({}, { releaseUrl })).rejects.toThrow(message);
    expect(lines).toContainEqual(expect.stringMatching(message));
    expect(await cacheFiles()).toEqual([]);
  });

  test('that holds another version is not used', async () => {
    const releaseUrl = await serve(answer(await release('2.10.27', '2.10.26')));
    await expect(find({}, { releaseUrl, version: '2.10.27' })).rejects.toThrow(
      'release: gave version 2.10.26, not 2.10.27',
    );
  });

  test('can be given up', async () => {
    const enough = new AbortController();
    const releaseUrl = await serve(() => enough.abort(new Error('enough')));
    await expect(find({}, { releaseUrl, signal: enough.signal })).rejects.toThrow('enough');
    expect(await cacheFiles()).toEqual([]);
  });

  test('is downloaded once if several processes ask at the same time', async () => {
    const files = await release(PINNED_VERSION);
    const asked: (string | undefined)[] = [];
    const releaseUrl = await serve((request, response) => {
      asked.push(request.url);
      answer(files)(request, response);
    });
    const index = new URL('../dist/index.js', import.meta.url).href;
    const program = `
      const { findNatsServer } = await import(${JSON.stringify(index)});
      const releaseUrl = ${JSON.stringify(releaseUrl)};
      const env = { PATH: '', LEAT_CACHE_DIR: ${JSON.stringify(join(directory, 'cache'))} };
      console.log((await findNatsServer({ env, releaseUrl })).version);`;
    const outputs = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        return text(child.stdout);
      }),
    );
    expect(outputs).toEqual(Array.from({ length: 6 }, () => `${PINNED_VERSION}\n`));
    expect(asked.filter((url) => url === archivePath)).toHaveLength(1);
    expect(await cacheFiles()).toEqual([PINNED_VERSION]);
  });
});

test.each([
  ['linux', 'x64', 'nats-server-v2.15.2-linux-amd64'],
  ['linux', 'arm64', 'nats-server-v2.15.2-linux-arm64'],
  ['linux', 'arm', 'nats-server-v2.15.2-linux-arm7'],
  ['linux', 'ia32', 'nats-server-v2.15.2-linux-386'],
  ['darwin', 'arm64', 'nats-server-v2.15.2-darwin-arm64'],
  ['win32', 'x64', 'nats-server-v2.15.2-windows-amd64'],
] as const)('the release for %s on %s is %s', (platform, arch, name) => {
  expect(releaseName('2.15.2', platform, arch)).toBe(name);
});

test.each([
  [`${'a'.repeat(64)}  x.tar.gz`, 'a'.repeat(64)],
  [`${'B'.repeat(64)} *x.tar.gz\r`, 'b'.repeat(64)],
  [`${'a'.repeat(63)}  x.tar.gz`, undefined],
  [`${'a'.repeat(64)}  xx.tar.gz`, undefined],
  [`${'a'.repeat(64)}  x.tar.gz.sig`, undefined],
])('in %o the checksum is %s', (sums, sum) => {
  expect(checksumOf(sums, 'x.tar.gz')).toBe(sum);
});
