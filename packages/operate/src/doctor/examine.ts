import { isEnded, type WantedStream } from '@leat/core';
import { type ClockReading } from './clock-skew.ts';
import { isStreamOf } from './expected.ts';
import { type Examination, type SeenRun, type SeenUsage } from './seen.ts';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { lookAgain } from './look-again.ts';
import { lookAtStream, type StreamLook } from './look-at-stream.ts';
import { jetStreamRefusal, serverAnswers } from '@leat/runtime';
import { Runs } from '@leat/runtime';
import type { Site } from '../site.ts';

const CLOCK_READINGS = 3;
const DEFAULT_MAX_PAYLOAD = 1024 * 1024; // 1 MiB

/** Looks at everything that {@link Examination} has, except at monitoring endpoints. */
export async function examine(
  { nats, address: url, signing }: Pick<Site, 'nats' | 'address' | 'signing'>,
  pipeline?: string,
): Promise<Omit<Examination, 'monitors'>> {
  const manager = await jetstreamManager(nats, { timeout: 5_000, checkAPI: false });
  const { usages, names } = await inventoryOf(manager, pipeline).catch(async (error: unknown) => {
    throw jetStreamRefusal(error, url, await serverAnswers(nats));
  });
  const looked = await Promise.all(names.map((name) => lookAtStream(manager, name)));
  const streams = looked.flatMap(({ stream }) => stream ?? []);
  return {
    server: serverOf(nats),
    clocks: await readClock(nats),
    usages,
    streams: await lookAgain(nats, manager, streams, true),
    unavailable: looked.flatMap(({ unavailable }) => unavailable ?? []),
    // After the streams, so that no message is seen whose run is not.
    runs: await runsOf({ nats, signing }, pipeline).catch(() => undefined),
  };
}

/** The server that this connection goes to, as it said. */
function serverOf(nats: NatsConnection): Examination['server'] {
  const { version = '', server_name: name = '', cluster, max_payload } = nats.info ?? {};
  return {
    name,
    version,
    isClustered: cluster !== undefined,
    maxPayload: max_payload ?? DEFAULT_MAX_PAYLOAD,
  };
}

/** Looks at the streams that the runs of one pipeline need, in a second at most. */
export async function glance(
  nats: NatsConnection,
  wanted: readonly WantedStream[],
): Promise<Examination> {
  const manager = await jetstreamManager(nats, { timeout: 5_000, checkAPI: false });
  // An observer of old may not look at the account.
  const usages = usagesOf(manager).catch(() => []);
  const look = async (stream: WantedStream): Promise<StreamLook> => {
    const found = await lookAtStream(manager, stream.name);
    if (found.stream !== undefined || found.unavailable !== undefined) return found;
    const thief = await holderOf(manager, stream.subjects).catch(() => undefined);
    if (thief === undefined) return {};
    const reason = `it is not there, since the stream ${thief} has its subjects`;
    return { unavailable: { name: stream.name, reason } };
  };
  const looked = await Promise.all(wanted.map(look));
  const streams = looked.flatMap(({ stream }) => stream ?? []);
  return {
    server: serverOf(nats),
    monitors: [],
    clocks: [],
    usages: await usages,
    streams: await lookAgain(nats, manager, streams, false),
    unavailable: looked.flatMap(({ unavailable }) => unavailable ?? []),
    runs: undefined,
  };
}

/** Another stream that takes what is published to a subject. */
async function holderOf(
  manager: JetStreamManager,
  [subject = '']: readonly string[],
): Promise<string | undefined> {
  for await (const name of manager.streams.names(subject)) return name;
  return undefined;
}

async function usagesOf(manager: JetStreamManager): Promise<SeenUsage[]> {
  const { tiers, ...account } = await manager.getAccountInfo();
  return [account, ...Object.values(tiers ?? {})];
}

/** What the account has, and which streams are to be looked at. */
async function inventoryOf(
  manager: JetStreamManager,
  pipeline: string | undefined,
): Promise<{ readonly usages: SeenUsage[]; readonly names: string[] }> {
  const usages = await usagesOf(manager);
  const names: string[] = [];
  for await (const name of manager.streams.names()) {
    if (isStreamOf(name, pipeline)) names.push(name);
  }
  return { usages, names };
}

/** Asks the server who we are, because that answer has its time and everybody may ask. */
async function readClock(nats: NatsConnection): Promise<ClockReading[]> {
  const readings: ClockReading[] = [];
  for (let count = 0; count < CLOCK_READINGS; count++) {
    const sentAt = Date.now();
    try {
      const answer = await nats.request('$SYS.REQ.USER.INFO', '', { timeout: 2_000 });
      const receivedAt = Date.now();
      const { server } = answer.json<{ readonly server: { readonly time: string } }>();
      readings.push({ sentAt, receivedAt, serverAt: Date.parse(server.time) });
    } catch {
      break; // an operator may have forbidden it
    }
  }
  return readings;
}

async function runsOf(
  { nats, signing }: Pick<Site, 'nats' | 'signing'>,
  pipeline: string | undefined,
): Promise<SeenRun[]> {
  const seen: SeenRun[] = [];
  for (const runs of await Runs.openAll(nats, { signing })) {
    for (const request of await runs.list()) {
      if (pipeline !== undefined && request.pipeline !== pipeline) continue;
      const { state = 'pending', endedAt } = (await runs.progress(request.run))?.progress ?? {};
      const troubles = isEnded(state) ? [] : await runs.notes.troubles(request.run);
      seen.push({
        run: request.run,
        pipeline: request.pipeline,
        spec: request.spec,
        state,
        ...(troubles.length > 0 && { troubles }),
        ...(endedAt !== undefined && { endedAgoMs: Date.now() - Date.parse(endedAt) }),
      });
    }
  }
  return seen;
}
