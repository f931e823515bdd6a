import type { Scenario } from '../scenario.ts';
import { contenders } from './contenders.ts';

/** In the order in which they are run. */
export const SCENARIOS: readonly Scenario[] = [contenders];
