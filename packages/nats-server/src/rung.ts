/** What a rung of the ladder is asked for. */
export interface RungRequest {
  readonly version: string;
  /** Whether nothing but this version will do. Otherwise any that is new enough does. */
  readonly exact: boolean;
  /** An empty folder for the rung to work in; removed afterwards. */
  readonly staging: string;
  readonly env: NodeJS.ProcessEnv;
  readonly releaseUrl: string;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal | undefined;
}

/** Gets a server and gives its path, inside the staging folder; fails with a `NatsServerError`. */
export type Rung = (request: RungRequest) => Promise<string>;
