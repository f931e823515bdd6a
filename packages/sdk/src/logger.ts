/** Writes a line to the log: text, or fields and text. */
interface Log {
  (text: string): void;
  (fields: object, text?: string): void;
}

/** Where the author of a pipeline, source or sink says what happens. It has run, stage and chunk as fields. */
export interface Logger {
  readonly debug: Log;
  readonly info: Log;
  readonly warn: Log;
  readonly error: Log;
}
