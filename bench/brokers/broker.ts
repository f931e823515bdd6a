/** A broker of our own, for one job. */
export interface Broker {
  readonly url: string;
  /** Its process; what it costs is that of its children, too. */
  readonly pid: number;
  readonly stop: () => Promise<void>;
}

/** @param dir where it keeps its data */
export type StartBroker = (dir: string) => Promise<Broker>;
