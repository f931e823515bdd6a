import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as files from '@leat/connectors/files';
import * as memory from '@leat/connectors/memory';
import * as postgres from '@leat/connectors/postgres';
import * as host from '@leat/host';
import * as operate from '@leat/operate';
import * as sdk from '@leat/sdk';
import * as leat from 'leat';
import * as leatFiles from 'leat/files';
import * as leatMemory from 'leat/memory';
import * as leatPostgres from 'leat/postgres';
import { expect, test } from 'vitest';
import { tempDir } from '../support/temp-dir.ts';

const run = promisify(execFile);
const PROGRAM = fileURLToPath(new URL('../fixtures/programs/whole-run.cjs', import.meta.url));
const SOURCES = new URL('../../packages/leat/src/', import.meta.url);

test('leat has all that pipelines, sources and sinks are written with, and the very same', () => {
  const { runPipeline, serve } = host;
  expect({ ...leat }).toEqual({ ...sdk, runPipeline, serve, connect: operate.connect });
  expect({ ...leatFiles }).toEqual({ ...files });
  expect({ ...leatMemory }).toEqual({ ...memory });
  expect({ ...leatPostgres }).toEqual({ ...postgres });
});

test.each(['index', 'files', 'memory', 'postgres'])(
  'leat re-exports in %s, and does nothing else',
  async (name) => {
    const text = await readFile(new URL(`${name}.ts`, SOURCES), 'utf8');
    const rest = text
      .replaceAll(/\/\/.*$/gm, '')
      .replaceAll(/export (?:type )?(?:\*|\{[^}]*\}) from '[^']+';/g, '');
    expect(rest.trim()).toBe('');
  },
);

test('a CommonJS program requires it, and runs a pipeline from its first to its last record', async () => {
  await using dir = await tempDir();
  const { stdout, stderr } = await run(process.execPath, [PROGRAM], { cwd: dir.path });
  expect(JSON.parse(stdout)).toMatchObject({
    state: 'completed',
    records: { in: 500, saved: 500 },
  });
  expect(stderr).not.toContain('Error');
});
