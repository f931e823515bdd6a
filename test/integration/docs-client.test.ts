import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadPipeline } from '@leat/runtime';
import { expect, test } from 'vitest';
import { runAndLook, steer } from '../fixtures/client-program.ts';
import { Deployment } from '../support/deployment.ts';
import { ROOT } from '../support/pages.ts';

const read = (file: string): Promise<string> => readFile(join(ROOT, file), 'utf8');

/** Its lines without the indentation, one after the other. */
function flat(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n');
}

test('what the page of the client shows is in a program that runs', async () => {
  const program = flat(await read('test/fixtures/client-program.ts'));
  const shown = [...(await read('docs/client.md')).matchAll(/```ts\n([^]*?)```/g)];
  expect(shown.length).toBeGreaterThan(4);
  for (const [, snippet = ''] of shown) expect(program).toContain(flat(snippet));
});

test('the program of the page does what the page says', async () => {
  await using site = await Deployment.create('squares.ts');
  const squares = await loadPipeline(site.file);
  process.env['SQUARES_OUT'] = join(site.dir, 'out/squares');
  try {
    for (const role of ['fetcher', 'mapper', 'saver'] as const) site.replica(role);
    const lines = await runAndLook(site.server.url, squares);
    const end = lines.slice(-4);
    expect(lines[0]).toMatch(/^(?:pending|running): \d+ saved$/);
    expect(end[0]).toBe('1000 saved, 0 given up');
    expect(end[1]).toMatch(/^\S+ is completed$/);
    expect(end[2]).toBe('the sinks hold 1000 records, as reported');
    expect(end[3]).toMatch(/^\d+ bytes of NDJSON$/);
    const [id = ''] = end[1]?.split(' ') ?? [];
    await expect(steer(site.server.url, id)).rejects.toMatchObject({ code: 'run-state' });
  } finally {
    delete process.env['SQUARES_OUT'];
  }
});
