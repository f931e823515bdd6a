import { readFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { findNatsServer } from '@leat/nats-server';

/** What the figures depend on. */
export async function describeMachine(): Promise<Readonly<Record<string, string>>> {
  const [cpu] = cpus();
  return {
    node: process.version,
    'nats-server': (await findNatsServer()).version,
    cpu: `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${process.platform} ${release()}`,
    ...(await versions('bullmq', 'ioredis', 'pg-boss', '@nats-io/jetstream')),
  };
}

async function versions(...names: readonly string[]): Promise<Record<string, string>> {
  const wanted = new URL('../../../package.json', import.meta.url);
  const found: Record<string, string> = {};
  for (const name of names) {
    const file = new URL(`node_modules/${name}/package.json`, wanted);
    found[name] = (
      JSON.parse(await readFile(file, 'utf8')) as { readonly version: string }
    ).version;
  }
  return found;
}
