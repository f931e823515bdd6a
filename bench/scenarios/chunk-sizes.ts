import type { Scenario } from '../scenario.ts';
import { sideBySide } from './side-by-side.ts';

const SIZES = [
  { chunkSize: 1, records: 50_000 },
  { chunkSize: 10, records: 300_000 },
  { chunkSize: 100, records: 1_000_000 },
  { chunkSize: 1_000, records: 1_000_000 },
];

export const chunkSizes: Scenario = sideBySide(
  'chunk-sizes',
  'What does a chunk cost, and what a record?',
  SIZES.map((job) => ({ label: `chunks of ${job.chunkSize}`, job })),
);
