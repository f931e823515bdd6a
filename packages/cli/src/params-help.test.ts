import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { devCommand } from './commands/dev.ts';
import { commandHelp } from './help.ts';
import { paramRows } from './params-help.ts';

async function pipelineWith(params: string): Promise<string> {
  // Inside the package, so that the file finds its dependencies.
  const folder = await mkdtemp(fileURLToPath(new URL('../.test-', import.meta.url)));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'pipeline.ts');
  await writeFile(
    file,
    `import { fetcher, pipeline, saver } from '@leat/sdk';
import { z } from 'zod';
const source = { kind: 'none', async *chunks() {} };
const numbers = fetcher('numbers', { ${params} source, schema: z.unknown() });
const sink = { kind: 'none', open: async () => { throw new Error(); } };
export default pipeline('p', { savers: [saver('out', { from: numbers, sink })] });`,
  );
  return file;
}

test('the parameters of a pipeline are shown with what they may be, and whether they are needed', async () => {
  const file = await pipelineWith(`params: z.object({
    file: z.string().describe('The orders.'),
    since: z.coerce.date().optional(),
    mode: z.enum(['fast', 'safe']).default('safe').describe('How.'),
    limit: z.coerce.number().default(10),
  }),`);
  const rows = await paramRows(file);
  expect(rows).toEqual([
    ['file=string', 'The orders. (required)'],
    ['since=value', ''],
    ['mode=fast|safe', 'How. (default "safe")'],
    ['limit=number', '(default 10)'],
  ]);
  const help = commandHelp('dev', devCommand, rows);
  expect(help).toContain('Parameters of the pipeline, each by --param:');
  expect(help).toMatch(/^ {2}mode=fast\|safe +How\. \(default "safe"\)$/m);
  expect(Math.max(...help.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
});

test('a pipeline that declares none has none, and the help does not speak of them', async () => {
  const rows = await paramRows(await pipelineWith(''));
  expect(rows).toEqual([]);
  expect(commandHelp('dev', devCommand, rows)).not.toContain('Parameters');
});
