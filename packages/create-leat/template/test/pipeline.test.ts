import { testPipeline } from 'leat/testing';
import { expect, test } from 'vitest';
import pipeline from '../src/pipeline.ts';

const order = {
  id: '1',
  customer: 'Ada',
  country: 'DE',
  item: 'tea',
  quantity: '3',
  unitPrice: '4.5',
};

test('the total of an order is its quantity times its price', async () => {
  const { results } = await testPipeline(pipeline, [order]);
  expect(results['files']).toEqual([{ id: '1', customer: 'Ada', total: 13.5 }]);
});

test.each(['quantity', 'unitPrice'])('an order without a %s is a dead letter', async (field) => {
  const { results, dead } = await testPipeline(pipeline, [{ ...order, [field]: '' }, order]);
  expect(results['files']).toHaveLength(1);
  expect(dead.map(({ position }) => position)).toEqual(['record 0 of records']);
});
