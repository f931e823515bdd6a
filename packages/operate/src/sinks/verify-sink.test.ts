import { addDigest, EMPTY_DIGEST, NO_COUNTS, type Receipt, type RunRequest } from '@leat/core';
import { chunkDigest, type SinkSession, type StoredChunk } from '@leat/sdk';
import { describe, expect, test } from 'vitest';
import { accountOf } from './verify-sink.ts';

const request: RunRequest = {
  run: 'r',
  pipeline: 'p',
  params: {},
  spec: {
    name: 'p',
    stages: [
      { name: 'numbers', kind: 'fetcher' },
      { name: 'work', kind: 'mapper', from: 'numbers' },
      { name: 'out', kind: 'saver', from: 'work' },
    ],
  },
  createdAt: '2026-11-27T00:00:00.000Z',
  limits: { chunkSize: 100, maxBytes: 524_288 },
};

const bodyOf = (records: number): Uint8Array => Buffer.from('{}\n'.repeat(records));

function receiptOf(chunk: string, records = 2): Receipt {
  const digest = chunkDigest(chunk, bodyOf(records));
  return { chunk, counts: { ...NO_COUNTS, in: records }, digest, fence: 1, buried: [] };
}

function storedOf(chunk: string, records = 2): StoredChunk {
  return { chunk, records, body: bodyOf(records), isVerbatim: true };
}

function sessionOf(receipts: readonly Receipt[], stored: readonly StoredChunk[]): SinkSession {
  return {
    commit: () => Promise.reject(new Error('only read')),
    receipts: async function* (this: void) {
      yield* receipts;
    },
    read: async function* (this: void) {
      yield* stored;
    },
    close: async () => undefined,
  };
}

test('a sink that holds what its receipts say is counted', async () => {
  const chunks = ['0', '1.0-2', '1.1-2', '2', '10', '10~1-5'];
  const receipts = [...chunks.map((chunk) => receiptOf(chunk)), receiptOf('11', 0)];
  const account = await accountOf(
    sessionOf(
      receipts,
      chunks.map((chunk) => storedOf(chunk)),
    ),
    'out',
    request,
  );
  const digest = receipts.reduce((sum, receipt) => addDigest(sum, receipt.digest), EMPTY_DIGEST);
  expect(account).toMatchObject({ chunks: 6, records: 12, digest, findings: [] });
  expect([0, 1, 2, 3, 9, 10, 11, 12].filter((seq) => account.roots.has(seq))).toEqual([
    0, 1, 2, 10, 11,
  ]);
});

test.each<[string, readonly Receipt[], readonly StoredChunk[], readonly string[]]>([
  [
    'is gone',
    ['0', '1', '2'].map((id) => receiptOf(id)),
    [storedOf('1')],
    ['0', '2'].map((id) => `chunk ${id} has a receipt and is not there.`),
  ],
  [
    'has no receipt',
    [receiptOf('1')],
    ['0', '1', '2', '?'].map((id) => storedOf(id)),
    ['0', '2', '?'].map((id) => `chunk ${id} is there without a receipt.`),
  ],
  [
    'is there twice',
    [receiptOf('1'), receiptOf('2')],
    ['1', '1', '2'].map((id) => storedOf(id)),
    ['chunk 1 is there twice.'],
  ],
  [
    'has other records',
    [receiptOf('1'), receiptOf('2')],
    [storedOf('1', 3), storedOf('2')],
    ['chunk 1 has 3 records, and its receipt says 2.'],
  ],
  [
    'was changed',
    [receiptOf('1')],
    [{ ...storedOf('1'), body: Buffer.from('[]\n{}\n') }],
    ['chunk 1 is not as it was saved.'],
  ],
])('a chunk that %s is found', async (_, receipts, stored, findings) => {
  const account = await accountOf(sessionOf(receipts, stored), 'out', request);
  expect(account.findings.toSorted()).toEqual(findings.map((finding) => `out: ${finding}`));
});

test('a sink that gives receipts or data in another order is refused', async () => {
  const refusal = { code: 'sink-unfit', message: expect.stringContaining('chunk 2 after 10') };
  const [receipts, stored] = [
    ['10', '2'].map((id) => receiptOf(id)),
    ['10', '2'].map((id) => storedOf(id)),
  ];
  await expect(accountOf(sessionOf(receipts, []), 'out', request)).rejects.toMatchObject(refusal);
  await expect(accountOf(sessionOf([], stored), 'out', request)).rejects.toMatchObject(refusal);
});

describe('what cannot be in the sink of a run', () => {
  /** Two savers read from the fetcher, one of them behind a mapper. */
  const forked: RunRequest = {
    ...request,
    spec: {
      name: 'p',
      stages: [
        { name: 'numbers', kind: 'fetcher' },
        { name: 'raw', kind: 'saver', from: 'numbers' },
        { name: 'work', kind: 'mapper', from: 'numbers' },
        { name: 'out', kind: 'saver', from: 'work' },
      ],
    },
  };
  const findingsOf = async (
    receipts: readonly Receipt[],
    saver = 'out',
    asked = request,
  ): Promise<readonly string[]> => {
    const stored = receipts.map(({ chunk, counts }) => storedOf(chunk, counts.in));
    return (await accountOf(sessionOf(receipts, stored), saver, asked)).findings;
  };

  test('is a chunk of another saver, or of another graph', async () => {
    const ids = ['0.0-2', '1.1-2', '1.1-2.4-9', '2', '3.1-3', '4.1-2~1-7', '5.1-2~2-7'];
    const receipts = ids.map((id) => receiptOf(id));
    const graph = 'numbers numbers>raw numbers>work work>out';
    const finding = (saver: string, id: string): string =>
      `${saver}: chunk ${id} cannot have come by the run's graph, ${graph}.`;
    expect(await findingsOf(receipts, 'out', forked)).toEqual(
      ['0.0-2', '2', '3.1-3', '4.1-2~1-7'].map((id) => finding('out', id)),
    );
    expect(await findingsOf(receipts, 'raw', forked)).toEqual(
      ids.slice(1).map((id) => finding('raw', id)),
    );
  });

  test('is a chunk with more records of the dataset than the run was to put into one', async () => {
    const receipts = [receiptOf('0', 100), receiptOf('1', 101)];
    expect(await findingsOf(receipts)).toEqual([
      "out: chunk 1 accounts for 101 records of the dataset, and the run's chunks have at most 100.",
    ]);
    // What a stage makes of them may be more.
    const expanded: Receipt = {
      ...receiptOf('1', 300),
      counts: { ...NO_COUNTS, in: 100, expanded: 200 },
    };
    const account = await accountOf(sessionOf([expanded], [storedOf('1', 300)]), 'out', request);
    expect(account.findings).toEqual([]);
    // An earlier version did not write down how many there were to be.
    const { limits: _, ...earlier } = request;
    expect(await findingsOf(receipts, 'out', earlier)).toEqual([]);
  });

  test('are parts of one chunk from different contents of the dataset', async () => {
    const from = (chunk: string, source: string): Receipt => ({ ...receiptOf(chunk), source });
    const receipts = [
      from('0', '00000001'),
      from('1.0-3', '00000002'),
      from('1.1-3', '00000002'),
      from('1.2-3', '00000003'),
      // Where it is not known, nothing is said.
      from('2.0-3', '00000004'),
      receiptOf('2.1-3'),
      from('2.2-3', '00000005'),
      from('3', '00000006'),
    ];
    expect(await findingsOf(receipts)).toEqual([
      'out: chunk 1.2-3 and 1.1-3 come from different contents of the dataset.',
    ]);
  });

  test('is told beside what is wrong with its data', async () => {
    const receipts = [receiptOf('0.0-2', 101)];
    const account = await accountOf(sessionOf(receipts, []), 'out', forked);
    expect(account.findings).toEqual([
      expect.stringMatching(/^out: chunk 0.0-2 cannot have come/),
      'out: chunk 0.0-2 has a receipt and is not there.',
    ]);
  });
});
