import type { SimulatedProcess } from '@leat/testing/simulation';
import type { PlantedBug } from './simulate.ts';
import { Ledger, LedgerRebuild, type RunRequest } from '@leat/core';
import type { PipelineConnection } from '@leat/runtime';
import type { MsgHdrs } from '@nats-io/transport-node';

/** What keeps people's blunders from costing records, each left out. */
export const PLANTED_BLUNDERS: readonly PlantedBug[] = [
  {
    name: 'a sink whose keys have neither table nor pipeline',
    sink: { hasOneTable: true, admitsAnybody: true },
  },
  { name: 'a sink that admits any run of an id', sink: { admitsAnybody: true } },
  {
    name: 'replicas that do not compare graphs',
    spoil: (connection) => tellOf(connection, (request) => ({ ...request, spec: connection.spec })),
  },
  { name: 'a fetcher that cuts by the limits of its file', spoil: cutBy(/\/numbers-/) },
  {
    name: 'a mapper that cuts by the limits of its file',
    bias: { shapes: ['line', 'chain'], works: ['flatMap'] },
    spoil: cutBy(/\/(?:work|again)-/),
  },
  { name: 'a ledger that does not compare checksums', install: compareNothing },
  {
    name: 'a ledger that does not compare how chunks were divided',
    bias: { shapes: ['fan-out'], works: ['map', 'mapChunk'], fickleness: 1, queue: 2 },
    install: () =>
      spoil(
        Ledger.prototype,
        'settle',
        (settle) => (receipt) => settle(without('division', receipt)),
      ),
  },
  {
    name: 'a route that says something else of a record when it is asked again',
    bias: { shapes: ['route'], works: ['map'], isImpure: true, queue: 2 },
  },
  { name: 'savers that do not claim their sink', spoil: claimNothing },
  {
    name: 'receipts that do not name their sink',
    bias: { shapes: ['fan-out'] },
    spoil: nameNoSink,
  },
  {
    name: 'services that acknowledge what only a newer Leat can read',
    onNewer: (acknowledge) => acknowledge(),
  },
];

/** Gives a process another idea of what was asked. */
function tellOf({ runs }: PipelineConnection, change: (request: RunRequest) => RunRequest): void {
  const get = runs.get.bind(runs);
  const listOpen = runs.listOpen.bind(runs);
  runs.get = async (run) => {
    const request = await get(run);
    return request && change(request);
  };
  runs.listOpen = async () => (await listOpen()).map(change);
}

/** The processes of some name do not see that the run has limits of its own. */
function cutBy(names: RegExp): NonNullable<PlantedBug['spoil']> {
  return (connection: PipelineConnection, { name }: SimulatedProcess) => {
    if (names.test(name)) tellOf(connection, (request) => without('limits', request));
  };
}

function compareNothing(): () => void {
  const undo = [
    spoil(Ledger.prototype, 'settle', (settle) => (receipt) => settle(without('source', receipt))),
    spoil(Ledger.prototype, 'demandSame', () => () => undefined),
    spoil(Ledger.prototype, 'checkpoint', (save) => () => without('source', save())),
    spoil(LedgerRebuild.prototype, 'checkpoint', (save) => () => without('source', save())),
  ];
  return () => {
    for (const step of undo) step();
  };
}

/** A copy that lacks something which it need not have. */
function without<T extends object>(name: keyof T, value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([key]) => key !== name)) as T;
}

/** Puts another method in the place of one. @returns the way back */
function spoil<T extends object, K extends keyof T>(
  prototype: T,
  name: K,
  make: (original: T[K]) => T[K],
): () => void {
  const original = prototype[name] as (...given: unknown[]) => unknown;
  const spoilt = function (this: T, ...given: unknown[]): unknown {
    const method = make(original.bind(this) as T[K]) as (...taken: unknown[]) => unknown;
    return method(...given);
  };
  Object.assign(prototype, { [name]: spoilt });
  return () => {
    Object.assign(prototype, { [name]: original });
  };
}

function claimNothing({ runs: { notes } }: PipelineConnection): void {
  notes.claimSink = (_run, _saver, sink) => Promise.resolve(sink);
}

function nameNoSink({ publisher }: PipelineConnection): void {
  const publish = publisher.publish.bind(publisher);
  publisher.publish = (subject, body, headers: MsgHdrs, signal) => {
    headers.delete('Leat-Sink');
    return publish(subject, body, headers, signal);
  };
}
