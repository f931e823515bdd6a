import {
  Clock,
  installGlobals,
  ModelLink,
  ModelServer,
  Random,
  SimulatedProcess,
} from '@leat/testing/simulation';
import {
  connect,
  type NatsConnection,
  NatsConnectionImpl,
  setTransportFactory,
} from '@nats-io/transport-node';
import { describe, expect, onTestFinished, test } from 'vitest';
import { SERVERS, sharedServer } from '../support/jetstream.ts';
import { Stage } from './conformance-stage.ts';
import { type ConformanceTrace, CONFORMANCE_TRACES } from './conformance-traces.ts';

/** The model is no fantasy: the same client sees the same of it as of a real server. */
describe.each(SERVERS)('as $server', ({ version }) => {
  const server = sharedServer(version);

  test.each(CONFORMANCE_TRACES)('$name', async (trace) => {
    const nats = await connect({ servers: server().url, reconnectTimeWait: 100 });
    onTestFinished(() => nats.close());
    const real = await play(trace, nats, () => server().restart());
    for (const name of ['t', 'KV_b']) {
      await (await Stage.open(nats)).manager.streams.delete(name).catch(() => undefined);
    }
    // What consumers know is written a little later, so that a restart may or may not forget it.
    const model = [await playOnModel(trace, false), await playOnModel(trace, true)];
    expect(model).toContainEqual(real);
  });
});

async function play(
  trace: ConformanceTrace,
  nats: NatsConnection,
  restart: () => Promise<void>,
): Promise<readonly unknown[]> {
  const stage = await Stage.open(nats, restart);
  await trace.play(stage);
  return stage.seen;
}

async function playOnModel(
  trace: ConformanceTrace,
  isForgetful: boolean,
): Promise<readonly unknown[]> {
  const clock = new Clock();
  const random = new Random(1);
  const server = new ModelServer(
    clock,
    { stored: () => undefined, acknowledged: () => undefined, purged: () => undefined },
    { losesAcknowledgement: () => false, publishFate: () => 'good', answerDelayMs: () => 0 },
  );
  const process = new SimulatedProcess(clock, 'client', 100);
  setTransportFactory({
    factory: () => new ModelLink(server, process, () => 1),
    dnsResolveFn: (host: string) => Promise.resolve([host]),
  });
  let seen: readonly unknown[] | undefined;
  let failure: unknown;
  const restore = installGlobals(clock, random, () => true);
  try {
    process.start(
      async () => {
        const nats = await NatsConnectionImpl.connect({ servers: 'model:4222' });
        seen = await play(trace, nats, () => {
          server.restart(50, isForgetful);
          return Promise.resolve();
        });
      },
      (error) => {
        failure = error;
      },
    );
    await clock.run(() => seen !== undefined || failure !== undefined, 60_000);
  } finally {
    restore();
  }
  if (failure !== undefined) throw failure as Error;
  return seen ?? ['the model has not come to an end'];
}
