import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below the ranges from which systems take the ports of outgoing connections. A port of those ranges
 * may be taken while the server is down for a restart, even by the very client that tries to
 * reconnect: a connection to an unused port of that range can meet itself.
 */
const LOWEST = 10_240;
const HIGHEST = 32_767;

/** Finds a port of the loopback interface on which nobody listens, drawn at random. */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST, HIGHEST + 1);
    if (await isFree(port)) return port;
  }
}

/** Whether nobody listens on a port of the loopback interface. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () =>
      server.close(() => resolve(true)),
    );
  });
}
