import { ndjsonSink } from 'leat/files';
import { generate } from 'leat/memory';
import { fetcher, mapper, pipeline, saver } from 'leat';
import { z } from 'zod';

const numbers = fetcher('numbers', { source: generate(1_000, (n) => n), schema: z.int() });
const squares = mapper('squares', { from: numbers, map: (n) => ({ n, square: n * n }) });
const files = saver('files', { from: squares, sink: ndjsonSink('out/hello') });
export default pipeline('hello', { savers: [files] });
