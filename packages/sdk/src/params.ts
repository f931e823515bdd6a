import type { input, output, ZodObject } from 'zod';

/** The schema of a run's parameters, made by `z.object`. */
export type ParamsSchema = ZodObject;

/** Parameters of a pipeline that declares no schema for them. */
export type TextParams = Readonly<Record<string, string>>;

/** What sources, functions and sinks find as `run.params`. `P` is the schema, or `undefined` where none is declared. */
export type ParamsOf<P extends ParamsSchema | undefined> = P extends ParamsSchema
  ? Readonly<output<P>>
  : TextParams;

/** What a run is started with. */
export type GivenParamsOf<P extends ParamsSchema | undefined> = P extends ParamsSchema
  ? Readonly<input<P>>
  : TextParams;
