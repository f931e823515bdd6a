/** A port of this machine that nobody listens on at the moment, and that no outgoing connection takes by itself. */
export { findFreePort as freePort } from '@leat/nats-server';
