import { expect, test } from 'vitest';
import { openHttpEndpoint } from './http-endpoint.ts';

const host = '127.0.0.1';
const routes = { '/healthz': () => ({ status: 200, text: 'alive' }) };

const remedy = 'choose another port';

test('paths are answered whatever their query says, and others are told what there is', async () => {
  await using endpoint = await openHttpEndpoint({ host, port: 0, remedy }, routes);
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
  await using endpoint = await openHttpEndpoint({ host, port: 0, remedy }, routes);
  await expect(
    openHttpEndpoint({ host, port: endpoint.port, remedy }, routes),
  ).rejects.toMatchObject({
    code: 'invalid-configuration',
    message: expect.stringMatching(
      /^Nobody can listen on port \d+ of 127\.0\.0\.1 \(listen EADDRINUSE.*\): choose another port\.$/,
    ),
  });
});

test.each(['192.0.2.1', 'no-such-host.invalid', '[::1]'])(
  'an address that this machine does not have is refused by name: %s',
  async (wrong) => {
    await expect(openHttpEndpoint({ host: wrong, port: 0, remedy }, routes)).rejects.toMatchObject({
      code: 'invalid-configuration',
      message: expect.stringContaining(`Nobody can listen on port 0 of ${wrong} (`),
    });
  },
);

test('who keeps a connection open does not hold it up when it closes', async () => {
  const endpoint = await openHttpEndpoint({ host, port: 0, remedy }, routes);
  const url = `http://127.0.0.1:${endpoint.port}/healthz`;
  await fetch(url, { headers: { connection: 'keep-alive' } });
  await endpoint[Symbol.asyncDispose]();
  await expect(fetch(url)).rejects.toThrow('fetch failed');
});
