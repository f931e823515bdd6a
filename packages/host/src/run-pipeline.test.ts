import type { Pipeline } from '@leat/sdk';
import { expectTypeOf, test } from 'vitest';
import type { z } from 'zod';
import { type RunPipelineOptions, runPipeline } from './run-pipeline.ts';
import { startLocalRun } from './start-local-run.ts';

type Params = z.ZodObject<{ file: z.ZodString; count: z.ZodDefault<z.ZodInt> }>;

test('a pipeline that is given is run with what it declares, and a file with anything', () => {
  type Given = NonNullable<RunPipelineOptions<Params>['params']>;
  expectTypeOf<Given>().toEqualTypeOf<Readonly<{ file?: string; count?: number | undefined }>>();
  const run = (
    pipeline: Pipeline<Params>,
    untyped: Pipeline,
    text: Pipeline<undefined>,
  ): unknown => [
    runPipeline(pipeline, { params: { file: 'orders.csv', count: 3 } }),
    startLocalRun(pipeline, { params: { count: 3 }, secrets: { file: 'FILE' } }),
    // @ts-expect-error no such parameter
    runPipeline(pipeline, { params: { fil: 'orders.csv' } }),
    // @ts-expect-error another type
    startLocalRun(pipeline, { params: { file: 3 } }),
    runPipeline(text, { params: { any: 'text' } }),
    // @ts-expect-error without a schema, parameters are text
    runPipeline(text, { params: { any: 3 } }),
    runPipeline(untyped, { params: { any: 3 } }),
    runPipeline('pipeline.ts', { params: { any: 3 } }),
    runPipeline(new URL('file:///pipeline.ts'), { params: { any: 'text' } }),
  ];
  expectTypeOf(run).returns.toBeUnknown();
});
