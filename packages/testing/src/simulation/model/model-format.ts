import { FORMATS } from '@leat/core';
import type { Packet } from './model-wire.ts';

const FORMAT = '\r\nLeat-Format: ';
/** Of chunks and of receipts: both have one digit and are the same. */
const MINE = `${FORMATS.chunk}`;
const COMING = `${FORMATS.chunk + 1}`;

/** Whether a message is of a version of Leat to come, as a process that is ahead writes it. */
export function isComing({ headers }: Packet): boolean {
  return headers.includes(`${FORMAT}${COMING}\r\n`);
}

/** What a process that is ahead says, as it stands on the wire: in the next version of the format. */
export function toComing(packet: Packet): Packet {
  return rewritten(packet, MINE, COMING);
}

/** What a process that is ahead hears: it knows the next version as its own. */
export function fromComing(packet: Packet): Packet {
  return rewritten(packet, COMING, MINE);
}

function rewritten(packet: Packet, from: string, to: string): Packet {
  const at = packet.headers.indexOf(`${FORMAT}${from}\r\n`);
  if (at < 0) return packet;
  const headers = Buffer.from(packet.headers);
  headers.write(to, at + FORMAT.length);
  return { ...packet, headers };
}
