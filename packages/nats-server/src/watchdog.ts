/** What the watchdog is told on its command line, as JSON. */
export interface WatchdogOrder {
  readonly file: string;
  readonly args: readonly string[];
  /** The pid file of the store, removed when the server has ended. */
  readonly claim: string;
  /** Removed when the server has ended because the watchdog's standard input did. */
  readonly removeOnStop: string;
  /** How long the server may take to end by itself before it is killed. */
  readonly stopTimeoutMs: number;
}

/** What the watchdog says on its standard output, a line of JSON each. */
export interface WatchdogReport {
  readonly pid?: number;
  readonly error?: string;
  readonly ended?: { readonly code: number | null; readonly signal: NodeJS.Signals | null };
}

/**
 * The program that stands between Leat and nats-server. Its standard input is a pipe whose other end
 * Leat holds: the first byte starts the server, and the end of the pipe stops it. The system closes
 * the pipe however Leat dies, kill -9 included, which no exit handler of Leat's own could match.
 *
 * It is the server's parent, and starts it itself, so that there is no moment in which a server is
 * not watched, and no doubt whether a pid is still the server's. It is a string for `node -e`, so
 * that it is the same under vitest (TypeScript sources) and in the built package (JavaScript).
 */
export const WATCHDOG_PROGRAM = `
'use strict';
const { spawn } = require('node:child_process');
const { rmSync } = require('node:fs');
const order = JSON.parse(process.argv[1]);
const remove = (path) => {
  try { rmSync(path, { recursive: true, force: true, maxRetries: 5 }); } catch {}
};
let server;
let stopped = false;
const say = (report) => {
  // Nobody may be left to listen.
  process.stdout.write(JSON.stringify(report) + '\\n', () => {});
};
const finish = (report) => {
  remove(order.claim);
  if (stopped) remove(order.removeOnStop);
  process.stdout.write(JSON.stringify(report) + '\\n', () => process.exit());
};
const start = () => {
  server = spawn(order.file, order.args, { stdio: ['ignore', 'ignore', 'inherit'], windowsHide: true });
  server.on('spawn', () => say({ pid: server.pid }));
  server.on('error', (error) => {
    if (server.pid === undefined) finish({ error: error.message });
  });
  server.on('exit', (code, signal) => finish({ ended: { code, signal } }));
};
const stop = () => {
  if (stopped) return;
  stopped = true;
  if (server === undefined) return process.exit();
  server.kill('SIGTERM');
  setTimeout(() => server.kill('SIGKILL'), order.stopTimeoutMs);
};
process.stdout.on('error', () => {});
process.stdin.once('data', start);
for (const event of ['end', 'close', 'error']) process.stdin.on(event, stop);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
`;
