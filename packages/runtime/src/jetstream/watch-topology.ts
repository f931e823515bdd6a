import { messageOf } from '@leat/core';
import type { Logger } from '@leat/sdk';
import { wait } from '../wait.ts';
import type { PipelineConnection } from './pipeline-connection.ts';
import { SayNowAndThen } from './say-now-and-then.ts';

/** How often a pipeline's streams and consumers are held against what is wanted. */
const LOOK_MS = 10_000;

/**
 * Looks now and then whether an operator has changed a pipeline's topology, and repairs it where nothing can be lost
 * by that; what cannot be repaired is said once a minute. Any number of replicas may do it.
 */
export async function watchTopology(
  connection: Pick<PipelineConnection, 'repair' | 'link'>,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const said = new SayNowAndThen();
  while (!signal.aborted) {
    // Replicas that were started together shall not look together.
    await wait(LOOK_MS * (0.5 + Math.random()), signal).catch(() => undefined);
    if (signal.aborted || !connection.link.isUp) continue;
    await connection.repair().catch((error: unknown) => {
      const sentence = messageOf(error);
      if (!signal.aborted && said.isDue(sentence))
        logger.error(`the pipeline cannot go on: ${sentence}`);
    });
  }
}
