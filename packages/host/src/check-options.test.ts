import type { Pipeline } from '@leat/sdk';
import { expect, test } from 'vitest';
import { runPipeline } from './run-pipeline.ts';
import { serve } from './serve.ts';

const given = { kind: 'pipeline', name: 'numbers', stages: [] } as unknown as Pipeline;

test.each([
  [{ mappers: 0 }, 'mappers must be a whole number from 1 to 1000; it is 0.'],
  [{ mappers: -1 }, 'mappers must be a whole number from 1 to 1000; it is -1.'],
  [{ mappers: 'x' }, 'mappers must be a whole number from 1 to 1000; it is "x".'],
  [
    { mappers: 99_999_999_999 },
    'mappers must be a whole number from 1 to 1000; it is 99999999999.',
  ],
  [{ params: null }, 'params must be an object; it is null.'],
  [{ onProgress: 'yes' }, 'onProgress must be a function; it is "yes".'],
  [{ signal: {} }, 'signal must be an AbortSignal; it is an object.'],
  [{ codeVersion: 'v 1' }, 'codeVersion must be 1 to 64 letters, digits, "-" or "_"; it is "v 1".'],
])('a run in this process is not started with %j', async (options, sentence) => {
  await expect(runPipeline(given, options as never)).rejects.toMatchObject({
    code: 'invalid-configuration',
    message: `The option ${sentence}`,
  });
});

const TOPOLOGY =
  'topology must be an object with whole numbers from 1, and at most 2147483647 (24 days) as ackWaitMs; it is an object.';

test.each<[object, string]>([
  [{ topology: { ackWaitMs: 0 } }, TOPOLOGY],
  [{ topology: { ackWaitMs: 2 ** 31 } }, TOPOLOGY],
  [{ topology: { ackWaitMs: Number.NaN } }, TOPOLOGY],
  [{ topology: { maxMessages: 'x' } }, TOPOLOGY],
  [{ roles: 'mapper' }, 'roles must be a list of roles; it is "mapper".'],
  [
    { http: { port: 70_000 } },
    'http must be an object with a port from 0 to 65535; it is an object.',
  ],
  [
    { logger: { info: () => undefined } },
    'logger must be an object with the functions debug, info, warn and error; it is an object.',
  ],
])('a service is not hosted with %j', async (options, sentence) => {
  await expect(serve(given, options as never)).rejects.toMatchObject({
    code: 'invalid-configuration',
    message: `The option ${sentence}`,
  });
});

test.each([
  [undefined, 'The pipeline must be what pipeline(…) returns; it is undefined.'],
  [null, 'The pipeline must be what pipeline(…) returns; it is null.'],
  [{}, 'The pipeline must be what pipeline(…) returns; it is an object.'],
  [
    new URL('http://example.org/pipeline.ts'),
    'The pipeline must be in a file, as a path or a file: URL names it; http://example.org/pipeline.ts names none.',
  ],
])('what is no pipeline is neither run nor served: %s', async (what, message) => {
  const refusal = { code: 'invalid-pipeline', message };
  await expect(runPipeline(what as never)).rejects.toMatchObject(refusal);
  await expect(serve(what as never)).rejects.toMatchObject(refusal);
});
