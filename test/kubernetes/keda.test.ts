import { readFile } from 'node:fs/promises';
import { startNatsServer } from '@leat/nats-server';
import { expect, test } from 'vitest';
import { DEADLINE_MS, Deployment } from '../support/deployment.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';
import { lagOf, type Trigger } from './keda.ts';

const CITIES = '../../../examples/cities/pipeline.ts';

/** The trigger of the component, but for the server, of which it has an example. */
async function triggerAt(natsServerMonitoringEndpoint: string): Promise<Trigger> {
  const file = new URL('../../k8s/components/keda/mapper.yaml', import.meta.url);
  const manifest = await readFile(file, 'utf8');
  const setting = (name: string): string =>
    new RegExp(`^ +${name}: (\\S+)$`, 'm').exec(manifest)?.[1] ?? '';
  const [account, stream, consumer] = ['account', 'stream', 'consumer'].map(setting);
  return {
    natsServerMonitoringEndpoint,
    account: account ?? '',
    stream: stream ?? '',
    consumer: consumer ?? '',
  };
}

test('KEDA reads the chunks in front of the mappers, by the account, stream and consumer that it is given', async () => {
  const port = await freePort();
  const server = await startNatsServer({ config: `http: "127.0.0.1:${port}"` });
  const deployment = await Deployment.create(CITIES, { server });
  const trigger = await triggerAt(`127.0.0.1:${port}`);
  const run = await deployment.start({});
  deployment.replica('fetcher');
  // Nobody maps, so what is in flight is on the queue, as far as the window goes.
  await until(
    'the queue has all that is in flight',
    async () => {
      const { chunks } = await deployment.report(run);
      return chunks.inFlight > 20 && (await lagOf(trigger)).lag === chunks.inFlight;
    },
    DEADLINE_MS,
  );
  for (const wrong of [{ account: 'other' }, { stream: 'leat_cities' }, { consumer: 'cities' }]) {
    await expect(lagOf({ ...trigger, ...wrong })).rejects.toThrow(/^there is no /);
  }
});
