import type { Pipeline } from '@leat/sdk';
import { expectTypeOf, test } from 'vitest';
import type { z } from 'zod';
import type { Leat } from '../leat.ts';
import type { StartOptions } from './start-on.ts';

type Params = z.ZodObject<{ file: z.ZodString; count: z.ZodDefault<z.ZodInt> }>;

test('a run is started with what its pipeline declares', () => {
  type Given = NonNullable<StartOptions<Params>['params']>;
  expectTypeOf<Given>().toEqualTypeOf<Readonly<{ file?: string; count?: number | undefined }>>();
  const start = (leat: Leat, pipeline: Pipeline<Params>, untyped: Pipeline): unknown => [
    leat.start(pipeline, { params: { file: 'orders.csv', count: 3 } }),
    // @ts-expect-error no such parameter
    leat.start(pipeline, { params: { fil: 'orders.csv' } }),
    // @ts-expect-error another type
    leat.start(pipeline, { params: { file: 3 } }),
    leat.start(untyped, { params: { any: 3 } }),
  ];
  expectTypeOf(start).returns.toBeUnknown();
});
