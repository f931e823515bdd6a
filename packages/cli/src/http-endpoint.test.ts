import { expect, test } from 'vitest';
import { openHttpEndpoint } from './http-endpoint.ts';

const routes = { '/healthz': () => ({ status: 200, text: 'alive' }) };

test('paths are answered whatever their query says, and others are told what there is', async () => {
  await using endpoint = await openHttpEndpoint(0, routes);
  const url = `http://127.0.0.1:${endpoint.port}`;
  const answer = await fetch(`${url}/healthz?verbose=1`);
  expect({ status: answer.status, text: await answer.text() }).toEqual({
    status: 200,
    text: 'alive\n',
  });
  for (const path of ['/', '/toString', '/__proto__']) {
    const other = await fetch(`${url}${path}`);
    expect({ path, status: other.status, text: await other.text() }).toEqual({
      path,
      status: 404,
      text: 'there is /healthz\n',
    });
  }
});

test('a port that is taken is refused by name', async () => {
  await using endpoint = await openHttpEndpoint(0, routes);
  await expect(openHttpEndpoint(endpoint.port, routes)).rejects.toMatchObject({
    code: 'invalid-configuration',
    message: expect.stringMatching(
      /^Nobody can listen on port \d+ \(listen EADDRINUSE.*\): choose another by --http-port \(LEAT_HTTP_PORT\)\.$/,
    ),
  });
});

test('who keeps a connection open does not hold it up when it closes', async () => {
  const endpoint = await openHttpEndpoint(0, routes);
  const url = `http://127.0.0.1:${endpoint.port}/healthz`;
  await fetch(url, { headers: { connection: 'keep-alive' } });
  await endpoint[Symbol.asyncDispose]();
  await expect(fetch(url)).rejects.toThrow('fetch failed');
});
