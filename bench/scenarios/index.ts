import type { Scenario } from '../scenario.ts';
import { atOnce } from './at-once.ts';
import { chunkSizes } from './chunk-sizes.ts';
import { contenders } from './contenders.ts';
import { copies } from './copies.ts';
import { drain } from './drain.ts';
import { functions } from './functions.ts';
import { joins } from './joins.ts';
import { latency } from './latency.ts';
import { leader } from './leader.ts';
import { ledger } from './ledger.ts';
import { mappers } from './mappers.ts';
import { memory } from './memory.ts';
import { recordSizes } from './record-sizes.ts';
import { resume } from './resume.ts';
import { scaling } from './scaling.ts';
import { threads } from './threads.ts';

/** In the order in which they are run. */
export const SCENARIOS: readonly Scenario[] = [
  contenders,
  atOnce,
  mappers,
  chunkSizes,
  recordSizes,
  latency,
  joins,
  scaling,
  threads,
  drain,
  resume,
  ledger,
  functions,
  memory,
  copies,
  leader,
];
