import { fetcher, mapper, pipeline, saver } from 'leat';
import { csv, ndjsonSink } from 'leat/files';
import { z } from 'zod';

/** What `--param key=value` may give. */
const Params = z.object({
  file: z.string().default('data/orders.csv'),
  out: z.string().default('out'),
});

/** A field of CSV is text: an empty one is no number. */
const number = z.string().min(1).pipe(z.coerce.number());

/** A row of the file. */
const Order = z.object({
  id: z.string(),
  customer: z.string(),
  country: z.string(),
  item: z.string(),
  quantity: number.pipe(z.int().positive()),
  unitPrice: number,
});

const orders = fetcher('orders', {
  params: Params,
  source: (run) => csv(run.params.file),
  schema: Order,
});

// Slow work goes here: call an API, a model, a database. It is done for many records at the same time.
const totals = mapper('totals', {
  from: orders,
  map: (order) => ({
    id: order.id,
    customer: order.customer,
    total: Math.round(order.quantity * order.unitPrice * 100) / 100,
  }),
});

const files = saver('files', { from: totals, sink: (run) => ndjsonSink(run.params.out) });

export default pipeline('{{name}}', { savers: [files] });
