/** A command of a client, as the NATS protocol has it. */
export type Command =
  | { readonly verb: 'connect' | 'ping' | 'pong' }
  | { readonly verb: 'sub'; readonly subject: string; readonly sid: string }
  | { readonly verb: 'unsub'; readonly sid: string; readonly max: number | undefined }
  | ({ readonly verb: 'pub' } & Packet);

/** A message on its way. */
export interface Packet {
  readonly subject: string;
  readonly reply: string;
  /** The header block as it stands on the wire; empty if there is none. */
  readonly headers: Buffer;
  readonly data: Buffer;
}

const CR_LF = '\r\n';
export const NOTHING: Buffer = Buffer.alloc(0);

/** Reads the commands of a frame; the client never cuts one in two. */
export function* readCommands(frame: Uint8Array): Generator<Command> {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(CR_LF, at);
    const words = bytes.toString('latin1', at, end).split(' ');
    const [verb, first = '', second = ''] = words;
    at = end + 2;
    if (verb === 'PUB' || verb === 'HPUB') {
      const hasHeaders = verb === 'HPUB';
      const length = Number(words.at(-1));
      const headerLength = hasHeaders ? Number(words.at(-2)) : 0;
      const reply = words.length === (hasHeaders ? 5 : 4) ? second : '';
      yield {
        verb: 'pub',
        subject: first,
        reply,
        headers: bytes.subarray(at, at + headerLength),
        data: bytes.subarray(at + headerLength, at + length),
      };
      at += length + 2;
    } else if (verb === 'SUB') {
      yield { verb: 'sub', subject: first, sid: words.at(-1) ?? '' };
    } else if (verb === 'UNSUB') {
      const max = second === '' ? undefined : Number(second);
      yield { verb: 'unsub', sid: first, max };
    } else if (verb === 'PING') {
      yield { verb: 'ping' };
    } else if (verb === 'PONG') {
      yield { verb: 'pong' };
    } else if (verb === 'CONNECT') {
      yield { verb: 'connect' };
    } else {
      throw new Error(`the model does not know ${words.join(' ')}`);
    }
  }
}

/** A message as the server sends it to a subscriber. */
export function messageFrame(sid: string, packet: Packet): Buffer {
  const { subject, reply, headers, data } = packet;
  const to = reply === '' ? `${subject} ${sid}` : `${subject} ${sid} ${reply}`;
  const head =
    headers.length === 0
      ? `MSG ${to} ${data.length}${CR_LF}`
      : `HMSG ${to} ${headers.length} ${headers.length + data.length}${CR_LF}`;
  return Buffer.concat([Buffer.from(head), headers, data, Buffer.from(CR_LF)]);
}

/** A header block with a status, as the server answers pulls that end. */
export function statusBlock(
  status: string,
  fields: Readonly<Record<string, unknown>> = {},
): Buffer {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${String(value)}${CR_LF}`);
  return Buffer.from(
    `NATS/1.0${status === '' ? '' : ` ${status}`}${CR_LF}${lines.join('')}${CR_LF}`,
  );
}

/** The value of a header; `undefined` if it is not there. */
export function headerOf(headers: Buffer, name: string): string | undefined {
  if (headers.length === 0) return undefined;
  const key = `${CR_LF}${name}:`;
  const from = headers.indexOf(key);
  if (from === -1) return undefined;
  const end = headers.indexOf(CR_LF, from + key.length);
  return headers.toString('utf8', from + key.length, end).trim();
}

/** Whether a subject fits a pattern with `*` and `>`. */
export function fits(pattern: string, subject: string): boolean {
  if (pattern === subject) return true;
  if (!pattern.includes('*') && !pattern.endsWith('>')) return false;
  const wanted = pattern.split('.');
  const found = subject.split('.');
  for (const [at, token] of wanted.entries()) {
    if (token === '>') return found.length > at;
    if (found[at] === undefined || (token !== '*' && token !== found[at])) return false;
  }
  return wanted.length === found.length;
}
