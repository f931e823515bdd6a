import {
  bucketName,
  deadSubject,
  receiptsSubject,
  settledSubject,
  stageSubject,
  streamName,
} from './names.ts';
import { outputsOf, type PipelineSpec, queuedStages, readersOf, type StageKind } from './spec.ts';

/**
 * Who may be given a NATS user of their own: the services of a pipeline; an operator, who starts and steers
 * runs; and an observer, who looks at them.
 */
export const NATS_ROLES = ['fetcher', 'mapper', 'saver', 'operator', 'observer'] as const;

export type NatsRole = (typeof NATS_ROLES)[number];

/** The subjects that a user must be allowed, and no other. */
export interface Permissions {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

/**
 * What a role needs on a NATS server for one pipeline. Who may create streams and consumers is a fetcher or
 * an operator: a stream can have the server republish to any subject, so that the one who may create one may
 * write everything.
 */
export function permissionsOf(spec: PipelineSpec, role: NatsRole): Permissions {
  const rules: Readonly<Record<NatsRole, () => readonly string[]>> = {
    fetcher: () => [
      ...connects(spec),
      ...provisions(spec),
      ...repairs(spec),
      ...conducts(spec),
      ...keeps(spec, 'progress', 'run', 'wish', 'code', 'trouble'),
      ...sends(spec, queuedStages(spec)),
      ...readsDeadLetters(spec),
      deadSubject(spec.name, '*'),
    ],
    mapper: () => [
      ...connects(spec),
      ...takes(spec, 'mapper'),
      ...sends(
        spec,
        stagesOf(spec, 'mapper')
          .flatMap((stage) => outputsOf(stage))
          .flatMap((output) => readersOf(spec, output))
          .filter(({ inline }) => inline !== true),
      ),
      ...reports(spec),
      // What the user's functions keep.
      ...keeps(spec, 'u'),
      // It does the work of inline savers, too.
      ...(stagesOf(spec, 'saver').some(({ inline }) => inline === true) ? keeps(spec, 'sink') : []),
    ],
    saver: () => [
      ...connects(spec),
      ...takes(spec, 'saver'),
      ...usesBodies(spec),
      ...reports(spec),
      ...keeps(spec, 'sink'),
    ],
    operator: () => [
      ...connects(spec),
      ...provisions(spec),
      ...watches(spec),
      ...looksForRuns(spec),
      ...readsDeadLetters(spec),
      api('STREAM.MSG.DELETE', streamName(spec.name, 'dead')),
      // What is left of a run that is cancelled without a fetcher.
      ...messageStreams(spec).map((name) => api('STREAM.PURGE', name)),
      api('CONSUMER.DELETE', streamName(spec.name, 'receipts'), '*'),
      ...usesBodies(spec),
      // A run that failed is opened again by its progress; one that has no fetcher is ended by it.
      ...keeps(spec, 'run', 'progress', 'wish', 'redrive'),
      api('STREAM.LIST'),
    ],
    observer: () => [...looksForRuns(spec), ...watches(spec), ...readsDeadLetters(spec)],
  };
  return { publish: [...new Set(rules[role]())].toSorted(), subscribe: ['_INBOX.>'] };
}

function api(...tokens: readonly string[]): string {
  return ['$JS.API', ...tokens].join('.');
}

function stagesOf(spec: PipelineSpec, kind: StageKind): PipelineSpec['stages'] {
  return spec.stages.filter((stage) => stage.kind === kind);
}

function bucketStream({ name }: PipelineSpec): string {
  return `KV_${bucketName(name)}`;
}

function bodiesStream({ name }: PipelineSpec): string {
  return `OBJ_${bucketName(name)}`;
}

/** The streams of messages; those behind bucket and object store come beside them. */
function messageStreams(spec: PipelineSpec): string[] {
  const stages = ['receipts', 'dead', ...queuedStages(spec).map(({ name }) => name)];
  return stages.map((stage) => streamName(spec.name, stage));
}

/** A consumer, as it follows upon a verb of the API: `<stream>.<consumer>`. */
function consumersOf(spec: PipelineSpec): string[] {
  return queuedStages(spec).map(({ name }) => `${streamName(spec.name, name)}.${name}`);
}

/** To see that everything is there, and to read of runs. */
function connects(spec: PipelineSpec): string[] {
  return [
    api('INFO'),
    ...[...messageStreams(spec), bucketStream(spec)].map((name) => api('STREAM.INFO', name)),
    ...consumersOf(spec).map((consumer) => api('CONSUMER.INFO', consumer)),
    api('STREAM.MSG.GET', bucketStream(spec)),
  ];
}

/** To make what is not there. */
function provisions(spec: PipelineSpec): string[] {
  return [
    ...[...messageStreams(spec), bucketStream(spec)].map((name) => api('STREAM.CREATE', name)),
    ...consumersOf(spec).map((consumer) => api('CONSUMER.CREATE', consumer, '>')),
    // A new bucket begins at a revision that none had before.
    api('STREAM.PURGE', bucketStream(spec)),
  ];
}

/** To put right what an operator has changed; of streams, only those whose messages are sent again are removed. */
function repairs(spec: PipelineSpec): string[] {
  const again = [...queuedStages(spec).map(({ name }) => name), 'receipts'];
  const streams = again.map((stage) => streamName(spec.name, stage));
  return [
    ...[...messageStreams(spec), bucketStream(spec), bodiesStream(spec)].map((name) =>
      api('STREAM.UPDATE', name),
    ),
    ...[...streams, bodiesStream(spec)].map((name) => api('STREAM.DELETE', name)),
    ...consumersOf(spec).map((consumer) => api('CONSUMER.DELETE', consumer)),
    ...streams.map((name) => api('CONSUMER.PAUSE', name, '*')),
  ];
}

/** To see whether the streams are as they should be, and whether anyone takes from them. */
function watches(spec: PipelineSpec): string[] {
  const streams = [...messageStreams(spec), bucketStream(spec)];
  return [
    api('INFO'),
    ...['STREAM.INFO', 'CONSUMER.LIST'].flatMap((verb) => streams.map((name) => api(verb, name))),
  ];
}

/** To read receipts, to look at queues, to remove what is settled. */
function conducts(spec: PipelineSpec): string[] {
  const receipts = streamName(spec.name, 'receipts');
  return [
    ...['CREATE', 'DELETE', 'INFO', 'MSG.NEXT'].map((verb) =>
      api('CONSUMER', verb, receipts, verb === 'CREATE' ? '*.>' : '*'),
    ),
    ...acknowledges(receipts, '*'),
    settledSubject(spec.name, '*'),
    ...queuedStages(spec).map(({ name }) => api('STREAM.PURGE', streamName(spec.name, name))),
    api('STREAM.PURGE', receipts),
    // Of a record that was tried again.
    api('STREAM.MSG.DELETE', streamName(spec.name, 'dead')),
    // Also to find out whether there is a store of large bodies, and to make it.
    api('STREAM.LIST'),
    api('STREAM.CREATE', bodiesStream(spec)),
  ];
}

/** To put chunks on queues, the large ones by the object store. */
function sends(spec: PipelineSpec, readers: PipelineSpec['stages']): string[] {
  return [
    ...readers.map(({ name, join }) =>
      stageSubject(spec.name, name, join === undefined ? '*' : '*.*'),
    ),
    ...usesBodies(spec),
    `$O.${bucketName(spec.name)}.C.*`,
  ];
}

/** To take chunks from the queues of a role's stages. */
function takes(spec: PipelineSpec, kind: StageKind): string[] {
  const queued = queuedStages(spec).filter((stage) => stage.kind === kind);
  return queued.flatMap(({ name, join }) => {
    const stream = streamName(spec.name, name);
    // Parts are read together, and removed when they are put together.
    const parts = join === undefined ? [] : ['STREAM.MSG.GET', 'STREAM.PURGE'];
    const own = parts.map((verb) => api(verb, stream));
    return [api('CONSUMER.MSG.NEXT', stream, name)].concat(own, acknowledges(stream, name));
  });
}

/** Acknowledgements; in the second form, of newer servers, domain and account stand in front. */
function acknowledges(stream: string, consumer: string): string[] {
  return [`$JS.ACK.${stream}.${consumer}.>`, `$JS.ACK.*.*.${stream}.${consumer}.>`];
}

/** To say what became of chunks, by which code, and what keeps a stage from its work. */
function reports(spec: PipelineSpec): string[] {
  const kept = keeps(spec, 'code', 'trouble');
  return [receiptsSubject(spec.name, '*'), deadSubject(spec.name, '*'), ...kept];
}

/** To write entries of the bucket, by their kinds. */
function keeps({ name }: PipelineSpec, ...kinds: readonly string[]): string[] {
  return kinds.map((kind) => `$KV.${bucketName(name)}.${kind}.>`);
}

/** To read and remove large bodies. */
function usesBodies(spec: PipelineSpec): string[] {
  const stream = bodiesStream(spec);
  return [
    ...['STREAM.INFO', 'STREAM.MSG.GET', 'STREAM.PURGE'].map((verb) => api(verb, stream)),
    ...['CREATE', 'INFO', 'DELETE'].map((verb) =>
      api('CONSUMER', verb, stream, verb === 'CREATE' ? '>' : '*'),
    ),
    `$JS.FC.${stream}.>`,
    // That a body is there, or not any more.
    `$O.${bucketName(spec.name)}.M.*`,
  ];
}

/** To list runs and read of them. */
function looksForRuns(spec: PipelineSpec): string[] {
  return [
    api('STREAM.NAMES'),
    api('STREAM.INFO', bucketStream(spec)),
    api('STREAM.MSG.GET', bucketStream(spec)),
  ];
}

function readsDeadLetters({ name }: PipelineSpec): string[] {
  const stream = streamName(name, 'dead');
  return [api('STREAM.INFO', stream), api('STREAM.MSG.GET', stream)];
}
