import { connect } from 'node:net';

/** A server says it at once, behind what it says of itself, or waits for the client. */
const PATIENCE_MS = 1_000;
const DEFAULT_PORT = 4_222;
const ATTEMPTS = 5;

/**
 * Why a server ends each new connection at once, such as `maximum connections exceeded`. The client keeps it to itself
 * and takes the server for one that is silent.
 *
 * @param address `nats://host:port`
 * @returns nothing, if the server says nothing of the kind
 */
export async function whyTurnedAway(address: string): Promise<string | undefined> {
  // The end of a connection may overtake what was said on it.
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const greeting = await greetingOf(address);
    if (greeting !== 'cut off') return greeting;
  }
  return undefined;
}

async function greetingOf(address: string): Promise<string | undefined> {
  const { hostname = '', port } = URL.parse(address) ?? {};
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const socket = connect({ host, port: Number(port || DEFAULT_PORT) });
  socket.setTimeout(PATIENCE_MS, () => socket.destroy());
  let said = '';
  try {
    for await (const bytes of socket.setEncoding('utf8')) {
      said += String(bytes);
      const reason = /^-ERR '([^'\r\n]*)'/m.exec(said)?.[1];
      if (reason !== undefined) return reason;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ECONNRESET') return 'cut off';
  } finally {
    socket.destroy();
  }
  return undefined;
}
