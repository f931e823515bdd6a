import { hostOf, newBirthMark } from '@leat/core';
import type { Deployment, Replica } from '../deployment.ts';
import type { Fault } from './fault.ts';
import type { PipelineFile } from '../pipeline-file.ts';
import type { Random } from '../random.ts';

/** What people do to a run that is under way. */
export const BLUNDERS: readonly Fault[] = [
  {
    name: 'another graph',
    strike: (world, random) => {
      const deployment = random.pick(world.deployments);
      const { extra: name, file, pipeline } = deployment.scenario;
      const isWide = pipeline.stages.filter(({ kind }) => kind === 'saver').length > 1;
      const graph = isWide ? random.pick(['more', 'less'] as const) : 'more';
      const forMs = random.pick([3_000, 15_000, 40_000]);
      const changed = someOf(deployment, random);
      const isGentle = random.chance(0.5);
      for (const replica of changed) deployment.rollOut(replica, { graph }, isGentle);
      const extra =
        graph === 'more' ? deployment.add(`${name}-1`, name, { ...file, graph }) : undefined;
      world.clock.after(forMs, undefined, () => {
        if (extra !== undefined) deployment.remove(extra);
        for (const replica of changed) deployment.rollOut(replica, { graph: 'own' }, isGentle);
        world.note('fault', 'the graph is put back');
      });
      return `a saver ${graph} in ${namesOf(changed)} for ${forMs} ms`;
    },
  },
  {
    name: 'other chunk sizes',
    strike: (world, random) => {
      const deployment = random.pick(world.deployments);
      const changed = someOf(deployment, random);
      const limits = drawLimits(random, deployment.scenario.dataset);
      for (const replica of changed) deployment.rollOut(replica, { limits }, random.chance(0.5));
      return `${JSON.stringify(limits)} in ${namesOf(changed)}`;
    },
  },
  {
    name: 'a sink that is two',
    strike: (world, random) => {
      const deployment = random.pick(world.deployments);
      // Where another pipeline has the table, who has a folder of his own would save the run.
      if (world.isTableShared) return 'not where a table is shared';
      const { scenario, replicas } = deployment;
      const savers = scenario.pipeline.stages.filter(({ kind }) => kind === 'saver');
      const name = hostOf(scenario.pipeline.spec, random.pick(savers).name);
      const nth = replicas.filter(({ stage }) => stage === name).length + 1;
      const place = `the folder of ${scenario.pipeline.name}/${name}-${nth}`;
      deployment.add(`${name}-${nth}`, name, { ...scenario.file, place });
      return `${name}-${nth} has a folder of its own`;
    },
  },
  {
    name: 'a rolling upgrade',
    strike: (world, random) => {
      const deployment = random.pick(world.deployments);
      const forMs = random.pick([3_000, 15_000, 40_000]);
      const isGentle = random.chance(0.5);
      const changed = someOf(deployment, random);
      upgrade(deployment, changed, isGentle);
      world.clock.after(forMs, undefined, () => {
        upgrade(deployment, deployment.replicas, isGentle);
        world.note('fault', 'the others are upgraded, too');
      });
      return `of ${namesOf(changed)}, and of the others after ${forMs} ms`;
    },
  },
  {
    name: 'start again',
    strike: (world, random) => {
      const deployment = random.pick(world.deployments);
      const { sink, request, scenario } = deployment;
      // Mostly it is a new server, to which the processes have to be started anew.
      const isNewServer = random.chance(0.7);
      if (isNewServer) for (const process of deployment.processes) process.killAfter(0);
      world.wipe();
      deployment.invariants.checkpoints.beginAgain();
      const isRecovered = random.chance(0.75);
      const isSaved = sink.tablesAt(scenario.file.place, request.run).length > 0;
      const isOther = random.chance(0.2) && isSaved;
      // Data that change under a living fetcher are seen only where they happen to be read again.
      const isChanged = isNewServer && !isOther && random.chance(0.3) && scenario.dataset.canChange;
      if (isChanged) scenario.dataset.edition++;
      deployment.request = {
        ...request,
        isIdGiven: true,
        isRecovered,
        born: newBirthMark(random.next()),
        createdAt: new Date(world.clock.dateMs).toISOString(),
        limits: isOther
          ? { chunkSize: scenario.dataset.chunkSize + 1, maxBytes: 512 * 1024 }
          : scenario.file.limits,
      };
      const words = [
        !isNewServer && 'same processes',
        isRecovered && 'recover',
        isOther && 'other chunks',
        isChanged && 'other data',
      ];
      return `${request.pipeline}: ${words.filter(Boolean).join(', ')}`;
    },
  },
];

/** Starts replicas with a version of Leat to come; what they write, the others cannot read. */
function upgrade(deployment: Deployment, replicas: readonly Replica[], isGentle: boolean): void {
  for (const replica of replicas) {
    if (replica.file.isAhead !== true) deployment.rollOut(replica, { isAhead: true }, isGentle);
  }
}

/** Some replicas, but not none. */
function someOf({ replicas }: Deployment, random: Random): readonly Replica[] {
  const some = replicas.filter(({ isWanted }) => isWanted && random.chance(0.5));
  return some.length > 0 ? some : [random.pick(replicas.filter(({ isWanted }) => isWanted))];
}

function drawLimits(random: Random, { chunkSize }: { chunkSize: number }): PipelineFile['limits'] {
  return {
    chunkSize: random.between(1, chunkSize + 1),
    maxBytes: random.pick([512 * 1024, 64, 16]),
  };
}

function namesOf(replicas: readonly Replica[]): string {
  return replicas.map(({ name }) => name).join(', ');
}
