import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunReport } from '@leat/core';
import { openPostgres } from '../../packages/connectors/src/postgres/postgres-database.ts';
import { failuresOf } from '../fixtures/fate.ts';
import { type Deployment, linesOf } from '../support/deployment.ts';
import { complaints, tally } from './tally.ts';

/** What a run of the pipeline `chaos` over that many numbers must come to, whatever happens meanwhile. */
function expectedOf(count: number): {
  readonly rows: string[];
  readonly files: string[];
  readonly dead: string[];
  readonly records: RunReport['records'];
} {
  const numbers = Array.from({ length: count }, (_, n) => n);
  const rows = numbers.filter((n) => failuresOf(n) !== Number.POSITIVE_INFINITY);
  const thirds = numbers.filter((n) => n % 3 === 0);
  const files = thirds.flatMap((n) => [0, 1, 2, 3].map((copy) => `${n}/${copy}`));
  const dead = numbers.filter((n) => failuresOf(n) === Number.POSITIVE_INFINITY).map(String);
  return {
    rows: rows.map((n) => `${n}/${n * n}`),
    files,
    dead,
    records: {
      in: count,
      // The second reader's copy, and three more of each third.
      expanded: count + thirds.length * 3,
      saved: rows.length + files.length,
      filtered: count - thirds.length,
      dead: dead.length,
    },
  };
}

/**
 * Looks at what a run has left: the sinks themselves, the dead letters, the report and `leat verify`.
 *
 * @param keepsLetters whether every dead letter must still be there: a wiped storage takes them along
 * @returns what is wrong, a sentence each
 */
export async function examineRun(
  site: Deployment,
  run: string,
  count: number,
  postgresUrl: string,
  keepsLetters: boolean,
): Promise<string[]> {
  const expected = expectedOf(count);
  const report = await site.report(run);
  const found: string[] = [];
  const same = (what: string, is: unknown, wanted: unknown): void => {
    const [a, b] = [JSON.stringify(is), JSON.stringify(wanted)];
    if (a !== b) found.push(`${what}: ${a}, expected ${b}`);
  };
  same('state', report.state, 'completed-with-dead-letters');
  same('reason', report.reason, undefined);
  same('records', sorted(report.records), sorted(expected.records));
  same('chunks in flight', report.chunks.inFlight, 0);
  same('chunks', report.chunks.total, Math.ceil(count / 20));
  found.push(
    ...complaints('rows', tally(expected.rows, await rowsOf(postgresUrl, run))),
    ...complaints('files', tally(expected.files, await linesIn(site.out('files', run)))),
  );
  const listed = await site.leat('dead', 'list', run, '--json');
  const buried = linesOf<{ readonly record: string }>(listed.stdout).map(({ record }) =>
    String((JSON.parse(record) as { readonly n: number }).n),
  );
  const dead = tally(expected.dead, buried);
  found.push(...complaints('dead letters', keepsLetters ? dead : { ...dead, lost: [] }));
  const verified = await site.verify(run);
  if (verified.code !== 0) found.push(`verify: ${verified.stdout}${verified.stderr}`);
  return found;
}

function sorted(value: object): object {
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => a.localeCompare(b)));
}

async function rowsOf(url: string, run: string): Promise<string[]> {
  const database = await openPostgres({ connectionString: url }, 1, () => undefined);
  try {
    const rows = await database.query('SELECT n, square FROM squares WHERE _run = $1', [run]);
    return rows.map((row) => row.join('/'));
  } finally {
    await database.close();
  }
}

async function linesIn(folder: string): Promise<string[]> {
  const lines: string[] = [];
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.ndjson')) continue;
    for (const line of (await readFile(join(folder, name), 'utf8')).split('\n')) {
      if (line === '') continue;
      const { n, copy } = JSON.parse(line) as { n: number; copy: number };
      lines.push(`${n}/${copy}`);
    }
  }
  return lines;
}
