import { parseReceipt, type Receipt, receiptsSubject } from '@leat/core';
import { TerminalError } from '@leat/sdk';
import type { DeadLetter } from '@leat/runtime';
import { expect, test } from 'vitest';
import { openPipeline, sharedServer } from '../support/jetstream.ts';
import {
  createRun,
  memoryPipeline,
  startFetcher,
  startStages,
} from '../support/memory-pipeline.ts';
import { until } from '../support/until.ts';

const server = sharedServer(undefined);

test('a receipt names the execution whose letters count, and its fence', async () => {
  // Of the first chunk one record dies, of the second all, of the third none.
  const line = memoryPipeline(
    9,
    {
      map: (record) => {
        if (record.n === 1 || (record.n >= 3 && record.n < 6)) throw new TerminalError('poison');
        return record;
      },
    },
    3,
  );
  const open = await openPipeline(server(), line.pipeline.spec);
  const { name } = line.pipeline;
  const receipts = new Map<string, Receipt>();
  const letters: DeadLetter[] = [];
  const listen = (subject: string, take: (text: string) => void): void => {
    open.connection.nats.subscribe(subject, { callback: (_, message) => take(message.string()) });
  };
  listen(receiptsSubject(name, 'run-1'), (text) => {
    for (const receipt of text.split('\n').map(parseReceipt)) {
      if (receipt !== undefined) receipts.set(receipt.chunk, receipt);
    }
  });
  listen(`leat.v1.${name}.dead.run-1`, (text) => letters.push(JSON.parse(text) as DeadLetter));
  await createRun(open, line);
  startStages(open, line);
  const { reports } = startFetcher(open, line);
  await until('the run has ended', () => reports.length === 1);

  const executionsOf = (chunk: string): unknown[] => [
    ...new Set(letters.filter((each) => each.chunk === chunk).map(({ execution }) => execution)),
  ];
  expect(letters).toHaveLength(4);
  expect(executionsOf('0')).toEqual(receipts.get('0')?.buried);
  expect(executionsOf('1')).toEqual(receipts.get('1')?.buried);
  expect(
    [...receipts.values()].map(({ buried }) => buried.length).toSorted((a, b) => a - b),
  ).toEqual([0, 1, 1]);
  // How it was divided is said in a header.
  const { division, ...said } = line.sink.chunks.get('0')?.receipt ?? {};
  expect(division).toMatch(/^[0-9a-f]{8}$/);
  expect(said).toEqual(receipts.get('0'));
  const { progress } = (await open.connection.runs.progress('run-1')) ?? {};
  for (const { fence } of receipts.values()) expect(fence).toBe(progress?.fence);
});
