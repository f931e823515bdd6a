import { join } from 'node:path';
import { startNatsServer } from '@leat/nats-server';
import type { Broker } from './broker.ts';

/** A nats-server as `leat dev` starts it: JetStream on file, synced every second. */
export async function startNats(dir: string): Promise<Broker> {
  const server = await startNatsServer({ storeDir: join(dir, 'nats') });
  return { url: server.url, pid: server.pid, stop: () => server.stop() };
}
