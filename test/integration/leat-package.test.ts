import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as files from '@leat/connectors/files';
import * as memory from '@leat/connectors/memory';
import * as postgres from '@leat/connectors/postgres';
import { Pace } from '@leat/core';
import * as host from '@leat/host';
import * as operate from '@leat/operate';
import * as sdk from '@leat/sdk';
import * as testing from '@leat/testing';
import * as contracts from '@leat/testing/contracts';
import * as leat from 'leat';
import * as leatFiles from 'leat/files';
import * as leatMemory from 'leat/memory';
import * as leatPostgres from 'leat/postgres';
import * as leatTesting from 'leat/testing';
import * as leatContracts from 'leat/testing/contracts';
import { expect, test } from 'vitest';
import { tempDir } from '../support/temp-dir.ts';

const run = promisify(execFile);
const PROGRAM = fileURLToPath(new URL('../fixtures/programs/whole-run.cjs', import.meta.url));
const SOURCES = new URL('../../packages/leat/src/', import.meta.url);

test('leat has all that pipelines, sources and sinks are written with, and the very same', () => {
  const { runPipeline, serve } = host;
  const { connect, formatFailedChunk, parseFailedChunk } = operate;
  const own = {
    connect,
    formatFailedChunk,
    Pace,
    parseFailedChunk,
    runPipeline,
    serve,
  };
  expect({ ...leat }).toEqual({ ...sdk, ...own });
  expect({ ...leatFiles }).toEqual({ ...files });
  expect({ ...leatMemory }).toEqual({ ...memory });
  expect({ ...leatPostgres }).toEqual({ ...postgres });
  expect({ ...leatTesting }).toEqual({ ...testing });
  expect({ ...leatContracts }).toEqual({ ...contracts });
});

test.each(['index', 'files', 'memory', 'postgres', 'testing', 'testing-contracts'])(
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
