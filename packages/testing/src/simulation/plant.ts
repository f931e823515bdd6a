import type { PipelineConnection } from '@leat/runtime';
import type { SinkFlaws } from './model/model-sink.ts';
import type { SimulatedProcess } from './simulated-process.ts';

/** A bug that is put in on purpose, to see that the simulator finds it. */
export interface Plant {
  readonly name: string;
  readonly sink?: SinkFlaws;
  /** Spoils the connection of a process. */
  readonly spoil?: (connection: PipelineConnection, process: SimulatedProcess) => void;
  /** Told of each message that a process takes in hand, with the means to acknowledge it. */
  readonly onHold?: (reply: string, acknowledge: () => void) => void;
  /** Told of each message that a process is given and only a newer Leat can read. */
  readonly onNewer?: (acknowledge: () => void) => void;
  /** Spoils what all share, and gives the way back. */
  readonly install?: () => () => void;
}
