import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { BINARY_NAME } from './binary.ts';
import { fetchBytes } from './download.ts';
import { NatsServerError } from './error.ts';
import { runCommand } from './run-command.ts';
import type { RungRequest } from './rung.ts';

export const DEFAULT_RELEASE_URL = 'https://github.com/nats-io/nats-server/releases/download';

/** Downloads the official release and checks it against the checksums which that release publishes. */
export async function downloadRelease(request: RungRequest): Promise<string> {
  const { staging, version, signal, log } = request;
  const name = releaseName(version);
  const archive = `${name}.${process.platform === 'win32' ? 'zip' : 'tar.gz'}`;
  const base = `${request.releaseUrl}/v${version}`;
  log(`asking for the release of nats-server ${version}`);
  const sums = await readSums(`${base}/SHA256SUMS`, signal);
  const expected = checksumOf(sums, archive);
  if (expected === undefined) {
    throw new NatsServerError(`the release of ${version} has no checksum for ${archive}`);
  }
  log(`downloading ${archive}`);
  const path = join(staging, archive);
  const actual = await download(`${base}/${archive}`, path, signal);
  if (actual !== expected) {
    throw new NatsServerError(
      `${archive} is refused: its SHA-256 is ${actual}, but the release says ${expected}`,
    );
  }
  // Windows' own tar reads zip archives; one that comes with other tools might stand before it on PATH.
  const windows = request.env['SystemRoot'] ?? 'C:\\Windows';
  const tar = process.platform === 'win32' ? join(windows, 'System32', 'tar.exe') : 'tar';
  await runCommand(tar, ['-xf', path, '-C', staging], { timeoutMs: 60_000, signal });
  return join(staging, name, BINARY_NAME);
}

/** The name under which nats-server releases the build for a platform. */
export function releaseName(
  version: string,
  platform: NodeJS.Platform = process.platform,
  arch: string = process.arch,
): string {
  const system = platform === 'win32' ? 'windows' : platform;
  const machines: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', arm: 'arm7' };
  return `nats-server-v${version}-${system}-${machines[arch] ?? arch}`;
}

/** Finds a file's line in `SHA256SUMS`: the sum, two spaces (or a space and `*`), the name. */
export function checksumOf(sums: string, file: string): string | undefined {
  for (const line of sums.split('\n')) {
    const [, sum, name] = /^([0-9a-fA-F]{64})\s+\*?(\S+)\s*$/.exec(line) ?? [];
    if (name === file) return sum?.toLowerCase();
  }
  return undefined;
}

async function readSums(url: string, signal: AbortSignal | undefined): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of fetchBytes(url, signal)) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

/** Writes what an address gives into a file; gives its SHA-256. */
async function download(
  url: string,
  path: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'wx');
  try {
    for await (const part of fetchBytes(url, signal)) {
      hash.update(part);
      await file.writeFile(part);
    }
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}
