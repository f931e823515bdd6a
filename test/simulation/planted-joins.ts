import { formatChunkId, Gathering, offsetsOf, type Part } from '@leat/core';
import { type PipelineConnection, ReceiptSender } from '@leat/runtime';
import type { Bias } from './scenario.ts';
import type { PlantedBug } from './simulate.ts';

const bias: Bias = { shapes: ['join'] };

/** What keeps joins exact, each left out. */
export const PLANTED_JOINS: readonly PlantedBug[] = [
  {
    name: 'a join that counts parts, where nobody else drops what comes twice',
    bias,
    spoil: forgetIds,
    install: countParts,
  },
  {
    name: 'a branch that settles a chunk of which nothing is left',
    bias,
    spoil: settleEmpty,
  },
  {
    name: 'a join that knows records by their places in the dataset',
    bias: { ...bias, works: ['flatMap'] },
    spoil: placeByDataset,
  },
  { name: 'parts that are removed before what they make up is stored', bias, spoil: removeFirst },
];

/** No server drops parts that come twice: what is left of the ids is the joins' own. */
function forgetIds({ publisher, spec }: PipelineConnection): void {
  const publish = publisher.publish.bind(publisher);
  const joins = new Set(
    spec.stages.flatMap(({ name, join }) => (join === undefined ? [] : [name])),
  );
  let count = 0;
  publisher.publish = (subject, body, headers, signal) => {
    if (joins.has(subject.split('.')[3] ?? '')) {
      headers.set('Nats-Msg-Id', `${headers.get('Nats-Msg-Id')} ${Math.random()} ${count++}`);
    }
    return publish(subject, body, headers, signal);
  };
}

function addAndCount(this: Gathering<Part>, part: Part): boolean {
  this.parts.push(part);
  const below = part.chunk.path.slice(part.regions?.at(-1)?.at);
  const [, siblings = '1'] = /^\.\d+-(\d+)/.exec(below) ?? [];
  return this.parts.length === Number(siblings);
}

function countParts(): () => void {
  const { prototype } = Gathering;
  const add = Reflect.get<Gathering<Part>, 'add'>(prototype, 'add');
  prototype.add = addAndCount;
  return () => {
    prototype.add = add;
  };
}

function settleEmpty(connection: PipelineConnection): void {
  const { queues } = connection;
  const send = queues.send.bind(queues);
  queues.send = async (stage, envelope, body, signal) => {
    if (body.length > 0) return send(stage, envelope, body, signal);
    const { chunk, counts, source, buried = [] } = envelope;
    const receipt = { chunk: formatChunkId(chunk), counts, digest: '', fence: 1, buried };
    await new ReceiptSender(connection, signal).send(envelope, {
      ...receipt,
      ...(source && { source }),
    });
    return { sequence: 0, isDuplicate: false };
  };
}

function placeByDataset({ queues }: PipelineConnection): void {
  const send = queues.send.bind(queues);
  queues.send = (stage, envelope, body, signal) => {
    const { origins, regions } = envelope;
    const offsets = offsetsOf(origins, regions);
    return send(stage, { ...envelope, ...(offsets && { origins: offsets }) }, body, signal);
  };
}

function removeFirst({ queues: { parts } }: PipelineConnection): void {
  const before = parts.before.bind(parts);
  parts.before = async function* removing(join, envelope, seq) {
    let isLater = false;
    for await (const part of before(join, envelope, seq)) {
      isLater = true;
      yield part;
    }
    if (isLater) await parts.remove(join, envelope, []);
  };
}
