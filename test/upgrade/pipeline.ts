import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { ndjsonSink } from '@leat/connectors/files';
import { generate } from '@leat/connectors/memory';
import { postgres } from '@leat/connectors/postgres';
import { fetcher, mapper, pipeline, saver, TerminalError } from '@leat/sdk';
import { z } from 'zod';

/**
 * What is run by two versions of Leat at once. It is copied beside each build and uses only what both have: the
 * last release must be able to load it.
 */
const { UPGRADE_NAME = 'upgrade' } = process.env;

const Numbered = z.object({ n: z.int() });
const Result = z.object({ n: z.int(), part: z.int() });

const numbers = fetcher('numbers', {
  source: ({ params }) => generate(Number(params['count']), (n) => ({ n })),
  schema: Numbered,
  chunkSize: 20,
  window: 15,
});

/** Some records are filtered, some become two, and some die until the file `mended` is there. */
const parts = mapper('parts', {
  from: numbers,
  schema: Result,
  flatMap: async ({ n }, { run }) => {
    while (n >= Number(run.params['hold']) && !existsSync('let-go')) await delay(20);
    if (n % 10 === 3) return [];
    if (n % 10 === 7 && !existsSync('mended')) throw new TerminalError('seven');
    const first = { n, part: 0 };
    return n % 10 === 5 ? [first, { n, part: 1 }] : [first];
  },
});

const files = saver('files', { from: parts, sink: ndjsonSink(`out/${UPGRADE_NAME}`) });
const table = saver('table', { from: parts, sink: postgres({ table: UPGRADE_NAME }) });

export default pipeline(UPGRADE_NAME, { savers: [files, table] });
