import * as fc from 'fast-check';
import type { PipelineSpec, StageSpec } from './spec.ts';

/** Any graph: each mapper reads from any stage before it, and who has no reader gets a saver. */
export const anyGraph: fc.Arbitrary<PipelineSpec> = fc
  .tuple(fc.array(fc.nat(), { maxLength: 4 }), fc.array(fc.nat(), { minLength: 1, maxLength: 5 }))
  .map(([mappers, savers]) => {
    const working: StageSpec[] = [{ name: 'source', kind: 'fetcher' }];
    const from = (choice: number): string => (working[choice % working.length] as StageSpec).name;
    for (const [n, choice] of mappers.entries()) {
      working.push({ name: `m${n}`, kind: 'mapper', from: from(choice) });
    }
    const saving = savers.map((choice, n): StageSpec => ({
      name: `s${n}`,
      kind: 'saver',
      from: from(choice),
    }));
    const stages = [...working, ...saving];
    const unread = working.filter(({ name }) => !stages.some((stage) => stage.from === name));
    const last = unread.map(({ name }, n): StageSpec => ({
      name: `t${n}`,
      kind: 'saver',
      from: name,
    }));
    return { name: 'p', stages: [...stages, ...last] };
  });
