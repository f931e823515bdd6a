import { connect } from 'node:net';

/** The part of the INFO line, with which a server greets each connection, that matters here. */
export interface ServerInfo {
  readonly version: string;
  readonly jetstream?: boolean;
}

/** Connects to a server and reads its greeting; undefined if there is none. */
export function readServerInfo(port: number, timeoutMs: number): Promise<ServerInfo | undefined> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ host: '127.0.0.1', port });
    const settle = (info: ServerInfo | undefined): void => {
      socket.destroy();
      resolve(info);
    };
    socket.setTimeout(Math.max(1, timeoutMs), () => settle(undefined));
    socket.on('error', () => settle(undefined));
    socket.on('close', () => settle(undefined));
    socket.setEncoding('utf8');
    socket.on('data', (data: string) => {
      text += data;
      const line = /^INFO (.*)\r\n/.exec(text)?.[1];
      if (line === undefined) return;
      const info: ServerInfo = JSON.parse(line);
      settle(info);
    });
  });
}
