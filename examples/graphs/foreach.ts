/** Each record becomes as many as it has parts. They are worked on in parallel, and each is tried again by itself. */
import { fetcher, mapper, pipeline, saver } from 'leat';
import { ndjsonSink } from 'leat/files';
import { generate } from 'leat/memory';
import { z } from 'zod';

const Document = z.object({ id: z.int(), pages: z.array(z.string()) });
const Page = z.object({ document: z.int(), number: z.int(), text: z.string() });

const documents = fetcher('documents', {
  source: generate(1_000, (id) => ({
    id,
    pages: Array.from({ length: id % 5 }, (_, n) => `page ${n + 1} of ${id}`),
  })),
  schema: Document,
});
const pages = mapper('pages', {
  from: documents,
  schema: Page,
  flatMap: (document) =>
    document.pages.map((text, n) => ({ document: document.id, number: n + 1, text })),
});
const counted = mapper('counted', {
  from: pages,
  enrich: ({ text }) => ({ words: text.split(' ').length }),
});

export default pipeline('foreach', {
  savers: [saver('files', { from: counted, sink: ndjsonSink('out/foreach') })],
});
