import type { RunRequest } from '@leat/core';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { isRunRequest } from './run-entries.ts';
import { runInfoOf } from './run-info.ts';

const REQUEST: RunRequest = {
  run: 'r1',
  pipeline: 'p',
  params: { count: '3' },
  secrets: { token: 'API_TOKEN', __proto__x: 'OTHER' },
  spec: { name: 'p', stages: [] },
  createdAt: '2026-11-27T10:00:00.000Z',
};

const PLAIN = { params: undefined };

test('secrets are taken from the environment, beside the parameters', () => {
  const environment = { API_TOKEN: 't0', OTHER: 'o', UNRELATED: 'u' };
  expect(runInfoOf(REQUEST, PLAIN, environment)).toEqual({
    id: 'r1',
    pipeline: 'p',
    params: { count: '3', token: 't0', __proto__x: 'o' },
  });
});

test.each([{}, { API_TOKEN: '', OTHER: 'o' }])('a secret that is not in %j is named', (lacking) => {
  expect(() => runInfoOf(REQUEST, PLAIN, lacking)).toThrow(
    expect.objectContaining({
      code: 'invalid-configuration',
      message:
        'The run r1 takes its parameter token from the environment variable API_TOKEN, which is not set here: set it for every service of the pipeline.',
    }),
  );
});

test('what every object has is no variable', () => {
  const request = { ...REQUEST, secrets: { token: 'constructor' } };
  expect(() => runInfoOf(request, PLAIN, {})).toThrow('which is not set here');
});

test.each([
  [undefined, true],
  [{}, true],
  [{ token: 'API_TOKEN' }, true],
  [{ token: 'the value itself' }, false],
  [{ token: 7 }, false],
  ['API_TOKEN', false],
  [null, false],
])('an entry with the secrets %j is one that Leat writes: %s', (secrets, isOurs) => {
  const stored: unknown = JSON.parse(JSON.stringify({ ...REQUEST, secrets }));
  expect(isRunRequest(stored)).toBe(isOurs);
});

describe('a run of a pipeline with a schema of parameters', () => {
  const params = z.object({ count: z.int(), token: z.string().min(4) });

  test('has what the schema makes of them, secrets among them', () => {
    const request = { ...REQUEST, secrets: { token: 'API_TOKEN' } };
    expect(runInfoOf(request, { params }, { API_TOKEN: '12345' }).params).toEqual({
      count: 3,
      token: '12345',
    });
  });

  test('is refused when they do not fit, and the value of a secret is not shown', () => {
    const request = { ...REQUEST, params: { cuont: '3' }, secrets: { token: 'API_TOKEN' } };
    expect(() => runInfoOf(request, { params }, { API_TOKEN: 'abc' })).toThrow(
      expect.objectContaining({
        code: 'invalid-configuration',
        message:
          'The run r1 does not fit the parameters of this pipeline file. There is no parameter "cuont": did you mean count? The parameter count is missing (Invalid input: expected number, received undefined). The parameter token does not fit: Too small: expected string to have >=4 characters.',
      }),
    );
  });
});
