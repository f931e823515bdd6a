import { ModelConsumer } from './model-consumer.ts';
import { type ApiError, ModelStream } from './model-stream.ts';
import type { Broker, ConsumerConfig, StoredMessage, StreamConfig } from './model-types.ts';
import { NOTHING, type Packet } from './model-wire.ts';

/** The server, as its API sees it. */
export interface ApiServer extends Broker {
  readonly streams: Map<string, ModelStream>;
  deleteStream(name: string): void;
  sendNoResponders(inbox: string): void;
}

const PREFIX = '$JS.API.';

const STREAM_NOT_FOUND: ApiError = { code: 404, err_code: 10059, description: 'stream not found' };
const MESSAGE_NOT_FOUND: ApiError = { code: 404, err_code: 10037, description: 'no message found' };
const CONSUMER_NOT_FOUND: ApiError = {
  code: 404,
  err_code: 10014,
  description: 'consumer not found',
};

export function isApi(subject: string): boolean {
  return subject.startsWith(PREFIX);
}

/** JetStream's API, as far as Leat and its client use it. */
export function answerApi(server: ApiServer, packet: Packet): void {
  const words = packet.subject.slice(PREFIX.length).split('.');
  const [kind = '', verb = '', ...rest] = words;
  const body = packet.data.length === 0 ? {} : (JSON.parse(packet.data.toString()) as object);
  const isNext = kind === 'CONSUMER' && verb === 'MSG' && rest[0] === 'NEXT';
  if (isNext) next(server, packet, rest[1] ?? '', rest[2] ?? '', body);
  else {
    const answer = answerOf(server, kind, verb, rest, body as Readonly<Record<string, unknown>>);
    const data = Buffer.from(JSON.stringify({ type: typeOf(kind, verb), ...answer }));
    server.send(packet.reply, { subject: packet.reply, reply: '', headers: NOTHING, data });
  }
}

function answerOf(
  server: ApiServer,
  kind: string,
  verb: string,
  [streamName = '', consumerName = '']: readonly string[],
  body: Readonly<Record<string, unknown>>,
): object {
  if (kind === 'INFO') {
    return {
      memory: 0,
      storage: 0,
      streams: server.streams.size,
      consumers: 0,
      limits: {},
      api: {},
    };
  }
  if (kind === 'STREAM' && verb === 'LIST') {
    const streams = [...server.streams.values()].map((each) => each.info(undefined));
    return { streams, total: streams.length, offset: 0, limit: 256 };
  }
  if (kind === 'STREAM' && verb === 'MSG') {
    // STREAM.MSG.GET.<stream>
    const asked = server.streams.get(consumerName);
    if (asked === undefined) return { error: STREAM_NOT_FOUND };
    const { last_by_subj: last, next_by_subj: following = '', seq = 1 } = body as MessageQuery;
    return answerWith(last === undefined ? asked.next(following, seq) : asked.last(last));
  }
  const stream = server.streams.get(streamName);
  if (kind === 'STREAM' && verb === 'CREATE') {
    const config = body as unknown as StreamConfig;
    const created = stream ?? new ModelStream(server, config);
    if (JSON.stringify(created.config) !== JSON.stringify(config)) {
      const description = 'stream name already in use with a different configuration';
      return { error: { code: 400, err_code: 10058, description } };
    }
    server.streams.set(config.name, created);
    return { ...created.info(undefined), did_create: stream === undefined };
  }
  if (stream === undefined) return { error: STREAM_NOT_FOUND };
  if (kind === 'STREAM' && verb === 'INFO') {
    return stream.info(body['subjects_filter'] as string | undefined);
  }
  if (kind === 'STREAM' && verb === 'PURGE') {
    return {
      success: true,
      purged: stream.purge(body['filter'] as string | undefined, body['seq'] as number | undefined),
    };
  }
  if (kind === 'STREAM' && verb === 'DELETE') {
    server.deleteStream(streamName);
    return { success: true };
  }
  if (kind !== 'CONSUMER') throw new Error(`the model does not know ${kind}.${verb}`);
  const consumer = stream.consumers.get(consumerName);
  if (verb === 'CREATE') {
    const config = body['config'] as ConsumerConfig;
    const created = consumer ?? new ModelConsumer(server, stream, config);
    stream.consumers.set(consumerName, created);
    return created.info();
  }
  if (consumer === undefined) return { error: CONSUMER_NOT_FOUND };
  if (verb === 'INFO') return consumer.info();
  if (verb === 'DELETE') return { success: stream.deleteConsumer(consumerName) };
  throw new Error(`the model does not know ${kind}.${verb}`);
}

function next(
  server: ApiServer,
  packet: Packet,
  streamName: string,
  consumerName: string,
  request: object,
): void {
  const consumer = server.streams.get(streamName)?.consumers.get(consumerName);
  if (consumer === undefined) server.sendNoResponders(packet.reply);
  else consumer.pull(packet.reply, request);
}

/** Which message of a stream is asked for. */
interface MessageQuery {
  readonly last_by_subj?: string;
  readonly next_by_subj?: string;
  readonly seq?: number;
}

/** One message, as a key-value bucket reads a key, and a join its parts. */
function answerWith(message: StoredMessage | undefined): object {
  if (message === undefined) return { error: MESSAGE_NOT_FOUND };
  const { subject, seq, headers, data } = message;
  const time = '2026-01-01T00:00:00Z';
  const hdrs = headers.length === 0 ? {} : { hdrs: headers.toString('base64') };
  return { message: { subject, seq, ...hdrs, data: data.toString('base64'), time } };
}

function typeOf(kind: string, verb: string): string {
  return `io.nats.jetstream.api.v1.${kind.toLowerCase()}_${verb.toLowerCase()}_response`;
}
