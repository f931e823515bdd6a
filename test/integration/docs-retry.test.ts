import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import {
  backoffMs,
  BusyError,
  decideRetry,
  DEFAULT_RETRY_POLICY,
  RetryAfterError,
  type RetryPolicy,
  TerminalError,
} from '@leat/core';
import { expect, test } from 'vitest';

const PAGE = fileURLToPath(new URL('../../docs/pipelines.md', import.meta.url));

test('the page about pipelines has the delays as they are; "pnpm run docs" writes them', async () => {
  let page = await readFile(PAGE, 'utf8');
  for (const [name, table] of [
    ['delays', delays()],
    ['kinds', kinds()],
  ]) {
    const between = new RegExp(`(?<=<!-- ${name} -->\n\n)[^]*?(?=\n<!-- end of ${name} -->)`);
    expect(page).toMatch(between);
    page = page.replace(between, () => `${table}\n`);
  }
  await expect(page).toMatchFileSnapshot(PAGE);
});

/** Chance at its least, and at its greatest. */
const CHANCE = [0, 1] as const;

/** What each jitter waits, failure by failure. */
function delays(): string {
  const rows = Array.from({ length: 9 }, (_, at) => {
    const failures = at + 1;
    const cells = (['full', 'equal', 'none'] as const).flatMap((jitter) => {
      const policy: RetryPolicy = { ...DEFAULT_RETRY_POLICY, jitter };
      const wait = range(CHANCE.map((chance) => backoffMs(policy, failures, chance)));
      if (jitter === 'none') return [wait];
      return [wait, seconds(backoffMs(policy, failures, 0.5))];
    });
    const busyOnly = failures >= DEFAULT_RETRY_POLICY.attempts ? ', busy only' : '';
    return [`${failures}${at === 8 ? ' and more' : ''}${busyOnly}`, ...cells];
  });
  return tableOf(
    ['failures in a row', '`full`', 'on average', '`equal`', 'on average', '`none`'],
    rows,
  );
}

/** What is waited after each kind of error, failure by failure. */
function kinds(): string {
  const failures = [1, 2, 3, 4, 5, 6, 7, 8, 9];
  const thrown: readonly [string, Error][] = [
    ['`Error`', new Error('failed')],
    ['`BusyError`, 429, 503, a lost connection', new BusyError('busy')],
    ['`RetryAfterError(5_000)`', new RetryAfterError(5_000)],
    ['`TerminalError`', new TerminalError('fatal')],
  ];
  const rows = thrown.map(([name, error]) => {
    const cells: string[] = [];
    for (const count of failures) {
      const decisions = CHANCE.map((chance) =>
        decideRetry(DEFAULT_RETRY_POLICY, error, count, chance),
      );
      const waits = decisions.flatMap((each) => (each.action === 'retry' ? [each.delayMs] : []));
      cells.push(waits.length > 0 ? range(waits) : 'given up');
      if (waits.length === 0) break;
    }
    return [name, ...cells, ...failures.slice(cells.length).map(() => '')];
  });
  return tableOf(['thrown', ...failures.map((count) => `${count}.`)], rows);
}

function range([shortest = 0, longest = 0]: readonly number[]): string {
  if (shortest === longest) return seconds(longest);
  return `${seconds(shortest)} – ${seconds(longest)}`;
}

function seconds(ms: number): string {
  return String(ms / 1_000);
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
