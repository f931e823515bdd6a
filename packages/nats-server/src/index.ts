export { findNatsServer } from './find-nats-server.ts';
export type { FindNatsServerOptions } from './find-nats-server.ts';
export { startNatsServer } from './start-nats-server.ts';
export type { StartNatsServerOptions } from './start-nats-server.ts';
export type { NatsServerBinary } from './binary.ts';
export type { NatsServer } from './nats-server.ts';
export type { ServerExit } from './server-process.ts';
export { NatsServerError } from './error.ts';
export { MINIMUM_VERSION, PINNED_VERSION, compareVersions } from './version.ts';
