import type { Plant } from '@leat/testing/simulation';
import { expect, test } from 'vitest';
import { simulate } from './simulate.ts';

/** A fetcher that writes of one chunk, whenever it sends it, what nobody can read. */
const UNREADABLE: Plant = {
  name: 'a chunk that nobody can read',
  spoil: ({ publisher }) => {
    const publish = publisher.publish.bind(publisher);
    publisher.publish = (subject, body, headers, signal) => {
      if (headers.get('Leat-Chunk') === '1') headers.set('Leat-Counts', 'many');
      return publish(subject, body, headers, signal);
    };
  },
};

test('a chunk that nobody can read, however often it is sent, ends the run with the reason', async () => {
  const { violations } = await simulate(1, UNREADABLE);
  expect(violations[0]).toMatch(
    /^state: failed, .*Chunk 1 was sent 21 times and lost each time: .* (?:work|out) said: a chunk cannot be read: .*Leat-Counts "many"/,
  );
});
