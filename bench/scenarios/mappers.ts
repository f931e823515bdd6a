import type { Scenario } from '../scenario.ts';
import { sideBySide } from './side-by-side.ts';

export const mappers: Scenario = sideBySide(
  'mappers',
  'What do more mapper processes bring?',
  [1, 2, 4].map((count) => ({
    label: `${count} mapper${count > 1 ? 's' : ''}`,
    job: { records: 1_000_000, mappers: count },
  })),
);
