import type { Clock } from '../clock.ts';
import type { Deployment } from '../deployment.ts';
import type { ModelServer } from '../model/model-server.ts';
import type { ModelSink } from '../model/model-sink.ts';
import type { Random } from '../random.ts';
import type { SimulatedProcess } from '../simulated-process.ts';

/** What can be struck. */
export interface Target {
  readonly clock: Clock;
  readonly server: ModelServer;
  readonly sink: ModelSink;
  readonly deployments: readonly Deployment[];
  readonly processes: readonly SimulatedProcess[];
  readonly isTableShared: boolean;
  faults: number;
  note(who: string, what: string): void;
  hasEnded(): boolean;
  wipe(): void;
  forgetCheckpoints(): void;
}

/** Something that goes wrong at a time. */
export interface Fault {
  readonly name: string;
  /** @returns what happened, for the trace */
  readonly strike: (world: Target, random: Random) => string;
}
