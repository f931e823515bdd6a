import type { Scenario } from '../scenario.ts';
import { sideBySide } from './side-by-side.ts';

/** A chunk of the largest records would not fit into a message of the raw program. */
const SIZES = [
  { recordBytes: 200, records: 1_000_000, chunkSize: 100 },
  { recordBytes: 2_000, records: 200_000, chunkSize: 100 },
  { recordBytes: 20_000, records: 20_000, chunkSize: 20 },
];

export const recordSizes: Scenario = sideBySide(
  'record-sizes',
  'What do larger records cost?',
  SIZES.map(({ recordBytes, ...job }) => ({ label: `${recordBytes} B`, job, recordBytes })),
);
