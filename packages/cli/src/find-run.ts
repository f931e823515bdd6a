import { LeatError, type RunRequest } from '@leat/core';
import {
  addressOf,
  jetStreamRefusal,
  openConnection,
  permissionRefusal,
  Runs,
} from '@leat/sdk/internal';
import type { NatsSettings } from '@leat/sdk/internal';
import type { Call } from './command.ts';
import { connectionName } from './open-run.ts';

/** A run, and the bucket that it was found in. */
export interface FoundRun {
  readonly request: RunRequest;
  readonly runs: Runs;
}

/** Connects, and does something with every run of every pipeline, oldest first. */
export async function withRuns<T>(
  call: Call,
  nats: NatsSettings,
  use: (found: () => Promise<FoundRun[]>) => Promise<T>,
): Promise<T> {
  const connection = await openConnection(nats, {
    name: connectionName('reader'),
    logger: call.logger,
  });
  try {
    return await use(async () => {
      const all: FoundRun[] = [];
      const buckets = await Runs.openAll(connection).catch((error: unknown) => {
        throw jetStreamRefusal(error, addressOf(nats));
      });
      for (const runs of buckets) {
        for (const request of await listed(call, nats, runs)) all.push({ request, runs });
      }
      return all.toSorted((a, b) => a.request.createdAt.localeCompare(b.request.createdAt));
    });
  } finally {
    await connection.close();
  }
}

/** The runs of a pipeline; those that this user may not read are left out, with a word about it. */
async function listed(call: Call, nats: NatsSettings, runs: Runs): Promise<RunRequest[]> {
  try {
    return await runs.list();
  } catch (error) {
    const refusal = permissionRefusal(error, addressOf(nats));
    if (refusal === undefined) throw error;
    call.logger.warn(`runs are left out: ${refusal.message}`);
    return [];
  }
}

/**
 * @param pipeline the one that it must be of, if any
 * @throws LeatError `run-unknown`
 */
export function pick(found: readonly FoundRun[], run: string, pipeline?: string): FoundRun {
  const match = found.find(
    ({ request }) => request.run === run && (pipeline ?? request.pipeline) === request.pipeline,
  );
  if (match !== undefined) return match;
  throw new LeatError(
    'run-unknown',
    `There is no run ${JSON.stringify(run)} on this NATS server: "leat status" lists them.`,
  );
}
