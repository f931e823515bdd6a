import { FIRST_CHECKPOINT, reportOf, type RunProgress, type RunRequest } from '@leat/core';
import { expect, test } from 'vitest';
import { reportText } from './report-text.ts';

const request: RunRequest = {
  run: 'r',
  pipeline: 'p',
  params: {},
  spec: { name: 'p', stages: [] },
  createdAt: '2026-11-27T12:00:00.000Z',
};
const progress: RunProgress = {
  state: 'completed',
  fence: 1,
  startedAt: '2026-11-27T12:00:00.000Z',
  updatedAt: '2026-11-27T12:00:12.500Z',
  endedAt: '2026-11-27T12:00:12.500Z',
  ledger: {
    ...FIRST_CHECKPOINT,
    next: 1_000,
    ended: true,
    totals: {
      savedChunks: 1_000,
      deadChunks: 0,
      counts: { in: 100_000, expanded: 0, filtered: 7, dead: 3, retries: 2 },
      duplicates: 1,
    },
  },
};

test('a report has everything that a reader asks for first', () => {
  expect(reportText(reportOf(request, progress))).toBe(
    [
      'run         r of p',
      'state       completed',
      'time        12.5 s, from 2026-11-27T12:00:00.000Z to 2026-11-27T12:00:12.500Z',
      'chunks      1,000 saved, 0 dead, 0 in flight of 1,000',
      'records     100,000 in = 99,990 saved + 7 filtered + 3 dead',
      'retries     2',
      'duplicates  1 ignored',
      'digest      00000000000000000000000000000000',
      'next        leat dead list r      shows what failed, and why',
      '            leat dead redrive r   tries it again, once that is mended',
      '',
    ].join('\n'),
  );
});

test('a report names the versions of stages that had more than one', () => {
  const versions = { numbers: ['one'], work: ['one', 'two', 'three'], out: ['one', 'two'] };
  const lines = reportText(reportOf(request, { ...progress, versions })).split('\n');
  expect(lines.filter((line) => line.startsWith('code'))).toEqual([
    'code        work in 3 versions: one, two, three',
    'code        out in 2 versions: one, two',
  ]);
});

test('a report says what holds the run up, stage by stage, also before it has begun', () => {
  const at = '2026-11-27T12:00:00.000Z';
  const troubles = [
    { stage: 'numbers', reason: 'The run r does not fit this pipeline file.', at },
    { stage: 'out', reason: 'The sink has another run.', at },
  ];
  for (const known of [undefined, { ...progress, state: 'running' } as const]) {
    const lines = reportText(reportOf(request, known, troubles))
      .trimEnd()
      .split('\n');
    expect(lines.slice(-2)).toEqual([
      'trouble     numbers: The run r does not fit this pipeline file.',
      'trouble     out: The sink has another run.',
    ]);
  }
});

test('a report says why a run failed', () => {
  const failed = { ...progress, state: 'failed', reason: 'The sink has another run.' } as const;
  expect(reportText(reportOf(request, failed))).toContain(
    'state       failed: The sink has another run.\n',
  );
});

test('a report says what became of hooks', () => {
  const ran = [
    { id: 'r:onFailure', name: 'onFailure', attempts: 5, error: 'no answer' },
    { id: 'r:finally', name: 'finally', attempts: 1 },
  ] as const;
  const lines = reportText(reportOf(request, { ...progress, hooks: { ends: 1, ran } })).split('\n');
  expect(lines.filter((line) => line.startsWith('hook'))).toEqual([
    'hook        onFailure called 5 times, and failed: no answer',
    'hook        finally called once',
  ]);
});
