import type { Fetcher, Mapper, Sources, Upstream } from '@leat/sdk';

/**
 * Copies the stages of a pipeline so that they read from another fetcher. Functions cannot be handed to threads or
 * ended without a pipeline file, so the copies run them in the thread of their caller.
 *
 * @returns what gives copies of stages, the same each time
 */
export function copyingFrom(fetcher: Fetcher): (stages: Sources) => Sources {
  const made = new Map<string, Upstream>();
  const copyOf = (stage: Upstream): Upstream => {
    if (stage.kind === 'fetcher') return fetcher;
    if (stage.kind === 'output') return { ...stage, stage: copyOf(stage.stage) as Mapper };
    const known = made.get(stage.name);
    if (known !== undefined) return known;
    const copy: Upstream = {
      ...stage,
      from: copiesOf(stage.from),
      threads: 0,
      timeoutMs: undefined,
    };
    made.set(stage.name, copy);
    return copy;
  };
  const copiesOf = ([first, ...others]: Sources): Sources => [copyOf(first), ...others.map(copyOf)];
  return copiesOf;
}
