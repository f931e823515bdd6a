import { inlineStagesOf } from '@leat/core';
import { runMapper } from '@leat/mapper';
import { runSaver } from '@leat/saver';
import type { Mapper, Saver } from '@leat/sdk';
import { InlineGroup } from './inline-group.ts';
import { optionsOf, type ServiceHost } from './service-host.ts';

/**
 * Hosts replicas of a mapper or saver, until they are told to stop; and with a mapper its inline stages.
 *
 * @returns what settles when each has ended
 */
export function runStage(
  host: ServiceHost,
  stage: Mapper | Saver,
  replicas = 1,
): readonly Promise<void>[] {
  const times = Array.from({ length: replicas }, (_, nth) => nth);
  if (stage.kind === 'saver') {
    return times.map(() => runSaver({ ...optionsOf(host, stage), saver: stage }));
  }
  if (inlineStagesOf(host.pipeline.spec, stage.name).length === 0) {
    return times.map(() => runMapper({ ...optionsOf(host, stage), mapper: stage }));
  }
  const group = new InlineGroup(host, stage);
  const stop = AbortSignal.any([host.stop, group.unfit]);
  const options = { ...optionsOf(host, stage), stop, mapper: stage, inline: group.stages };
  const services = times.map(() => runMapper(options));
  return [...services, endGroup(group, Promise.allSettled(services), stop)];
}

/** Ends the inline stages with the mapper's replicas; what waits there is given back as soon as they have to stop. */
async function endGroup(
  group: InlineGroup,
  ended: Promise<unknown>,
  stop: AbortSignal,
): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    if (stop.aborted) resolve();
    else stop.addEventListener('abort', () => resolve(), { once: true });
  });
  await Promise.race([ended, stopped]);
  await group.end(ended);
}
