import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { run } from '../support/command.ts';
import { packAll } from './pack.ts';
import { openRegistry } from './registry.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The address of a registry that has the packages of this repository. */
    readonly registry: string;
    readonly tarballs: readonly string[];
  }
}

/** Packs once, for all tests. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'leat-packed-'));
  const upstream = (await run('npm', ['config', 'get', 'registry'])).trim();
  const packed = await packAll(folder);
  const registry = await openRegistry(packed, upstream);
  provide('registry', registry.url);
  provide(
    'tarballs',
    packed.map(({ tarball }) => tarball),
  );
  return async () => {
    await registry[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  };
}
