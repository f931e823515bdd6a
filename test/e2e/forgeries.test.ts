import { formatReceipt, NO_COUNTS, receiptsSubject, stageSubject } from '@leat/core';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, headers } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { Deployment } from '../support/deployment.ts';
import { until } from '../support/until.ts';

const RECORDS = 1_000;

interface Forgery {
  readonly what: string;
  readonly subject: (run: string) => string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
  /** Why the run fails, if it does. */
  readonly reason?: RegExp;
  /** What `leat verify` finds, if the run completes. */
  readonly finding?: RegExp;
}

const receipt = (chunk: string, records: number): string =>
  formatReceipt({
    chunk,
    counts: { ...NO_COUNTS, in: records },
    digest: '0'.repeat(32),
    fence: 0,
    buried: [],
  });

const toFetcher = (run: string): string => receiptsSubject('squares', run);
const toSaver = (run: string): string => stageSubject('squares', 'files', run);

/** Messages that Leat might have written, but did not: they are believed at first. */
const FORGERIES: readonly Forgery[] = [
  {
    what: 'a receipt for a chunk that was not saved',
    subject: toFetcher,
    body: receipt('3', 100),
    finding: /The digest of the receipts is/,
  },
  {
    what: 'a receipt with false books',
    subject: toFetcher,
    body: receipt('3', 7),
    reason: /Chunk 3 was sent with 100 records and its receipts account for 7/,
  },
  {
    what: 'a receipt for a part of a chunk that was never divided',
    subject: toFetcher,
    body: receipt('3.0-2', 100),
    reason: /Chunk 3/,
  },
  {
    what: 'a chunk far behind the end of the dataset',
    subject: toSaver,
    headers: {
      'Leat-Chunk': '999999999',
      'Leat-Counts': '1/0/0/0/0',
      'Leat-Position': 'record 9 of generate',
    },
    body: '{"n":1,"square":1}\n',
    finding: /The report says 1000 records were saved; the sinks hold 1001/,
  },
  {
    what: 'a part of a chunk that was never divided',
    subject: toSaver,
    headers: {
      'Leat-Chunk': '3.0-2',
      'Leat-Counts': '1/0/0/0/0',
      'Leat-Position': 'record 300 of generate',
    },
    body: '{"n":1,"square":1}\n',
    reason: /Chunk 3/,
  },
];

test.each(FORGERIES)(
  '$what is believed at first, and found out',
  async ({ subject, headers: fields = {}, body, reason, finding }) => {
    await using site = await Deployment.create('squares.ts');
    const run = await site.start({ count: RECORDS });
    const services = [site.service('saver'), site.service('fetcher')];
    const connection = await connect({ servers: site.server.url });
    try {
      const { streams } = await jetstreamManager(connection);
      // Before a true one can be there, and when the fetcher knows of the chunk.
      await until('all chunks are sent', async () => {
        const { state } = await streams.info('leat_squares_squares');
        return state.messages === RECORDS / 100;
      });
      const header = headers();
      for (const [name, value] of Object.entries(fields)) header.set(name, value);
      await jetstream(connection).publish(subject(run), body, { headers: header });
    } finally {
      await connection.close();
    }
    services.push(site.service('mapper'));
    await Promise.all(services.map(({ ended }) => ended));
    expect(await site.report(run)).toMatchObject(
      reason === undefined
        ? { state: 'completed', records: { in: RECORDS, saved: RECORDS } }
        : { state: 'failed', reason: expect.stringMatching(reason) },
    );
    if (finding === undefined) return;
    expect(await site.verify(run)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(finding),
    });
  },
);
