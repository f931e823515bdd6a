import type { Topology, TopologySettings } from '@leat/core';
import { type Finding } from '@leat/operate';
import type { NatsServer } from '@leat/nats-server';
import type { PipelineConnection } from '@leat/runtime';
import type { ConsumerConfig, StreamConfig } from '@nats-io/jetstream';
import { lineSpec, openPipeline, startServer, type Version } from './jetstream.ts';
import { leat } from './leat.ts';
import { tempDir } from './temp-dir.ts';

type NamedStream = Partial<StreamConfig> & { name: string };

interface Diagnosis {
  readonly code: number | null;
  readonly findings: readonly (Finding & { readonly isMendable: boolean })[];
  readonly mended: readonly (Finding & { readonly refusal?: string })[];
  readonly stderr: string;
  /** Codes and subjects, without the note that monitoring was not given. */
  readonly found: readonly string[];
}

/** Runs the command as its users do. */
export async function doctor(
  url: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Diagnosis> {
  await using dir = await tempDir();
  const { code, stdout, stderr } = await leat(['doctor', '--json', '--nats', url, ...args], {
    cwd: dir.path,
    env,
  });
  const { findings = [], mended = [] } = stdout === '' ? {} : (JSON.parse(stdout) as Diagnosis);
  const found = findings
    .filter((finding) => finding.code !== 'sync-interval-unseen')
    .map((finding) => `${finding.code} ${finding.subject}`);
  return { code, findings, mended, stderr, found };
}

/** Makes the stream in front of the mapper again, with other settings. */
export async function remakeWork(
  { manager, topology }: PipelineConnection,
  change: Partial<StreamConfig>,
): Promise<void> {
  const { stream, consumer } = topology.queues[0]!;
  await manager.streams.delete(stream.name);
  await manager.streams.add({ ...(stream as unknown as NamedStream), ...change });
  await manager.consumers.add(stream.name, consumer as Partial<ConsumerConfig>);
}

/** The name of the stream in front of the mapper. */
export function work({ queues }: Topology): string {
  return queues[0]!.stream.name;
}

/** The consumer in front of the mapper, made again with other settings. */
export async function remakeConsumer(
  { manager, topology }: PipelineConnection,
  change: Partial<ConsumerConfig>,
): Promise<void> {
  const { stream, consumer } = topology.queues[0]!;
  await manager.consumers.delete(stream.name, consumer.durable_name);
  await manager.consumers.add(stream.name, {
    ...(consumer as Partial<ConsumerConfig>),
    ...change,
  });
}

/** A server, and a pipeline `cities` that Leat has made on it. */
export async function openCities(
  version: Version,
  topology: Partial<TopologySettings> = {},
  config?: string,
): Promise<{ readonly server: NatsServer; readonly connection: PipelineConnection }> {
  const server = await startServer(version, config === undefined ? {} : { config });
  const { connection } = await openPipeline(server, lineSpec('cities'), topology);
  return { server, connection };
}
