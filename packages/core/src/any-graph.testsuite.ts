import * as fc from 'fast-check';
import type { PipelineSpec, StageSpec } from './spec.ts';

/** Which stages before it one reads: most often one, of which every one may be. */
const choices = fc.tuple(fc.nat(), fc.option(fc.nat(), { freq: 2 }));

/** Any graph: each stage reads from any before it, or from two, and who has no reader gets a saver. */
export const anyGraph: fc.Arbitrary<PipelineSpec> = fc
  .tuple(fc.array(choices, { maxLength: 4 }), fc.array(choices, { minLength: 1, maxLength: 5 }))
  .map(([mappers, savers]) => {
    const working: StageSpec[] = [{ name: 'source', kind: 'fetcher' }];
    const nameOf = (choice: number): string => (working[choice % working.length] as StageSpec).name;
    const from = ([one, other]: readonly [number, number | null]): string | string[] => {
      const names = other === null ? [nameOf(one)] : [...new Set([nameOf(one), nameOf(other)])];
      return names.length === 1 ? nameOf(one) : names;
    };
    for (const [n, choice] of mappers.entries()) {
      working.push({ name: `m${n}`, kind: 'mapper', from: from(choice) });
    }
    const saving = savers.map((choice, n): StageSpec => ({
      name: `s${n}`,
      kind: 'saver',
      from: from(choice),
    }));
    const stages = [...working, ...saving];
    const unread = working.filter(({ name }) => !stages.some((stage) => isReadBy(name, stage)));
    const last = unread.map(({ name }, n): StageSpec => ({
      name: `t${n}`,
      kind: 'saver',
      from: name,
    }));
    return { name: 'p', stages: [...stages, ...last] };
  });

function isReadBy(name: string, { from = [] }: StageSpec): boolean {
  return typeof from === 'string' ? from === name : from.includes(name);
}
