import type { Topology, WantedConsumer } from '@leat/core';
import type { JetStreamManager } from '@nats-io/jetstream';
import type { Logger } from '@leat/sdk';
import { ensureBucket } from '../runs/bucket.ts';
import { isGone, provision } from './provision.ts';
import { driftedText, type Repairs, settleConsumer, settleStream } from './repair.ts';
import { SayNowAndThen } from './say-now-and-then.ts';

/** How a process keeps a pipeline's topology as it should be. */
interface TopologyRepair {
  readonly repairs: Repairs;
  /** By name, the consumers of receipts that are put right, too. */
  readonly receiptsConsumers: Map<string, WantedConsumer>;
  /**
   * Makes whatever has vanished, and puts right what is not as wanted; one attempt at a time, however many ask.
   *
   * @throws the first thing that cannot be repaired; all others are
   */
  readonly repair: () => Promise<void>;
}

/** Keeps a pipeline's topology as it should be, and says what was not. */
export function topologyRepair(
  manager: JetStreamManager,
  topology: Topology,
  logger: Logger,
): TopologyRepair {
  const receiptsConsumers = new Map<string, WantedConsumer>();
  const repairs = repairsWith(logger);
  const parts = { manager, topology, receiptsConsumers, repairs };
  return { repairs, receiptsConsumers, repair: repairOf(parts) };
}

/** Repairs what may be repaired, and says so; what lasts is said again now and then. */
function repairsWith(logger: Logger): Repairs {
  const said = new SayNowAndThen();
  return {
    mayRepair: true,
    tell: (drifted) => {
      const text = driftedText(drifted);
      if (drifted.isRepaired || said.isDue(text)) {
        logger.warn(
          { code: drifted.drift.code },
          `${text}: see docs/doctor.md#${drifted.drift.code}`,
        );
      }
    },
  };
}

interface RepairParts {
  readonly manager: JetStreamManager;
  readonly topology: Topology;
  readonly receiptsConsumers: ReadonlyMap<string, WantedConsumer>;
  readonly repairs: Repairs;
}

/** Makes whatever of a topology has vanished; one attempt at a time, however many ask. */
function repairOf(parts: RepairParts): () => Promise<void> {
  let repairing: Promise<void> | undefined;
  return () => {
    repairing ??= repairAll(parts).finally(() => {
      repairing = undefined;
    });
    return repairing;
  };
}

/** @throws the first that cannot be repaired; all others are */
async function repairAll(parts: RepairParts): Promise<void> {
  const { manager, topology, repairs } = parts;
  const { bucket, settings } = topology;
  const results = await Promise.allSettled([
    provision(manager, topology, repairs),
    ensureBucket(manager, bucket, settings.replicas, repairs),
    unlessGone(settleReceiptsConsumers(parts)),
    unlessGone(settleBodies(parts)),
  ]);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/** What is not there is made by the one who needs it. */
async function unlessGone(settling: Promise<void>): Promise<void> {
  await settling.catch((error: unknown) => {
    if (!isGone(error)) throw error;
  });
}

async function settleReceiptsConsumers(parts: RepairParts): Promise<void> {
  const { manager, topology, receiptsConsumers, repairs } = parts;
  const { name: stream } = topology.receipts;
  for (const [name, wanted] of receiptsConsumers) {
    const info = await manager.consumers.info(stream, name);
    await settleConsumer(manager, stream, wanted, info, repairs);
  }
}

async function settleBodies({ manager, topology, repairs }: RepairParts): Promise<void> {
  const { bodies: stream } = topology;
  const { config } = await manager.streams.info(stream.name);
  await settleStream(manager, { kind: 'bodies', stream }, config, repairs);
}
