import { expect, test } from 'vitest';
import { consumerOfReply } from './reply.ts';

test.each([
  '$JS.ACK.leat_p_work.work.1.10.20.1700000000000000000.5',
  '$JS.ACK.hub.ACCOUNT.leat_p_work.work.1.10.20.1700000000000000000.5.x1y2',
])('the consumer in %s', (reply) => {
  expect(consumerOfReply(reply)).toBe('work');
});
