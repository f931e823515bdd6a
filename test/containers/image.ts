import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findNatsServer } from '@leat/nats-server';
import { getContainerRuntimeClient } from 'testcontainers';
import { run } from '../support/command.ts';
import { tempDir } from '../support/temp-dir.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** What the Dockerfile stands on, where it can be pulled. */
const NODE_IMAGE = 'node:26-slim';
const NODE_VERSION = '26.10.0';
/** The tag that compose file and manifests name. */
export const LEAT_IMAGE = 'leat:0.1.0';
export const NATS_IMAGE = 'leat-test-nats:1';

export function docker(...args: readonly string[]): Promise<string> {
  // The builder that every engine has.
  const env = { ...process.env, DOCKER_BUILDKIT: '0' };
  return run('docker', args, { env, timeoutMs: 600_000 });
}

/** Says in one line why no images can be built and run here; undefined if they can. */
export async function whyNoDocker(): Promise<string | undefined> {
  let lack = 'no Docker answers here';
  try {
    await run('docker', ['version'], { timeoutMs: 10_000 });
    await getContainerRuntimeClient();
    lack = 'no image with Node can be pulled, or made by debootstrap';
    const image = await nodeImage();
    lack = 'containers reach no registry of npm';
    const quick = ['--fetch-retries=0', '--fetch-timeout=15000'];
    const ask = ['run', '--rm', image, 'npm', 'view', 'pnpm', 'version', ...quick];
    await run('docker', ask, { timeoutMs: 30_000 });
    return undefined;
  } catch {
    return lack;
  }
}

/** Builds the image as its users do, over a base made here where the official one cannot be pulled. */
export async function buildLeatImage(): Promise<void> {
  await docker(
    'build',
    '--tag',
    LEAT_IMAGE,
    '--build-arg',
    `NODE_IMAGE=${await nodeImage()}`,
    ROOT,
  );
}

/** An image of NATS, of the server that the launcher finds. */
export async function buildNatsImage(): Promise<void> {
  await using dir = await tempDir();
  const { path } = await findNatsServer();
  await copyFile(path, join(dir.path, 'nats-server'));
  const lines = [
    `FROM ${await nodeImage()}`,
    'COPY nats-server /usr/local/bin/nats-server',
    'ENTRYPOINT ["nats-server"]',
  ];
  await writeFile(join(dir.path, 'Dockerfile'), `${lines.join('\n')}\n`);
  await docker('build', '--tag', NATS_IMAGE, dir.path);
}

/** The official image, or else one that is made here. */
async function nodeImage(): Promise<string> {
  const own = `leat-test-node:${NODE_VERSION}`;
  for (const image of [NODE_IMAGE, own])
    if (await succeeds('image', 'inspect', image)) return image;
  if (await succeeds('pull', '--quiet', NODE_IMAGE)) return NODE_IMAGE;
  const script = fileURLToPath(new URL('make-node-image.sh', import.meta.url));
  await run(script, [own, NODE_VERSION]);
  return own;
}

function succeeds(...args: readonly string[]): Promise<boolean> {
  return run('docker', args, { timeoutMs: 90_000 }).then(
    () => true,
    () => false,
  );
}
