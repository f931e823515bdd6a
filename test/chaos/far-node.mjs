/*
 * A nats-server in the network namespace of this process: the launcher must be in it, too, because it looks
 * whether its server listens. Reads the server's options from the first line of its standard input, says when
 * it is ready, and ends with its input.
 */
import { createInterface } from 'node:readline';
import { startNatsServer } from '@leat/nats-server';

let server;
for await (const line of createInterface({ input: process.stdin })) {
  server = await startNatsServer(JSON.parse(line));
  process.stdout.write('ready\n');
}
await server?.stop();
