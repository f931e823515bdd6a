import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { LeatError, messageOf } from '@leat/core';

/** What is answered to a request. */
export interface Answer {
  readonly status: number;
  readonly text: string;
  /**
   * Its content type.
   * @defaultValue plain text
   */
  readonly type?: string;
}

/** The answers by path. */
export type Routes = Readonly<Record<string, () => Answer | Promise<Answer>>>;

/** A port on which a process tells how it is. */
export interface HttpEndpoint extends AsyncDisposable {
  /** The port in use: the one asked for, or for 0 the one that was free. */
  readonly port: number;
}

/** Where to listen. */
export interface HttpAddress {
  readonly host: string;
  /** 0 is any that is free. */
  readonly port: number;
  /** What to do if nobody can listen there: the end of a sentence. */
  readonly remedy: string;
}

/** All addresses. Node itself makes do with those of IPv4 where there are no others, if it is told nothing. */
const ALL = '::';

/**
 * Answers requests by their path.
 *
 * @param routes the answers by path
 * @throws LeatError `invalid-configuration` if nobody can listen there
 */
export async function openHttpEndpoint(
  { host, port, remedy }: HttpAddress,
  routes: Routes,
): Promise<HttpEndpoint> {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [path = ''] = (request.url ?? '').split('?', 1);
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    const found: Answer = (await route?.()) ?? {
      status: 404,
      text: `there is ${Object.keys(routes).join(', ')}`,
    };
    const { status, text, type = 'text/plain; charset=utf-8' } = found;
    // A probe that keeps its connection open would keep a process that has ended its work.
    response.writeHead(status, {
      'content-type': type,
      connection: 'close',
    });
    response.end(request.method === 'HEAD' ? '' : `${text.trimEnd()}\n`);
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        new LeatError(
          'invalid-configuration',
          `Nobody can listen on port ${port} of ${host} (${messageOf(error)}): ${remedy}.`,
          { cause: error },
        ),
      );
    });
    server.listen({ port, ...(host !== ALL && { host }) }, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeAllConnections();
      await closed;
    },
  };
}
