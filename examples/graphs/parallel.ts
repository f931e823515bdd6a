/** Two functions work on each record at the same time. A third one gets what both have made of it. */
import { fetcher, join, mapper, pipeline, saver } from 'leat';
import { ndjsonSink } from 'leat/files';
import { generate } from 'leat/memory';
import { z } from 'zod';

const Product = z.object({ id: z.int() });
const Price = z.object({ id: z.int(), cents: z.int() });
const Stock = z.object({ id: z.int(), pieces: z.int() });
const Offer = z.object({ id: z.int(), cents: z.int(), isThere: z.boolean() });

const products = fetcher('products', {
  source: generate(1_000, (id) => ({ id })),
  schema: Product,
});
const price = mapper('price', {
  from: products,
  schema: Price,
  map: ({ id }) => ({ id, cents: 100 + id }),
});
const stock = mapper('stock', {
  from: products,
  schema: Stock,
  map: ({ id }) => ({ id, pieces: id % 3 }),
});
const offers = join('offers', {
  from: { price, stock },
  schema: Offer,
  missing: 'dead',
  map: (parts) => ({
    id: parts.price.id,
    cents: parts.price.cents,
    isThere: parts.stock.pieces > 0,
  }),
});

export default pipeline('parallel', {
  savers: [saver('files', { from: offers, sink: ndjsonSink('out/parallel') })],
});
