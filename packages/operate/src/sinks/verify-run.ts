import { EMPTY_DIGEST, LeatError, RangeSet, type RunReport } from '@leat/core';
import type { Pipeline, Saver } from '@leat/sdk';
import { explained, type Site } from '../site.ts';
import { compareReport } from './compare-report.ts';
import { openStored, otherSink, storedRun, type StoredRun } from './stored-run.ts';
import { accountOf, type SinkAccount } from './verify-sink.ts';

/** What is in the sinks of a run, and whether it is what its report says. */
export interface Verification {
  readonly run: string;
  /** How many chunks all sinks hold together. */
  readonly chunks: number;
  /** How many records. */
  readonly records: number;
  /** What is wrong, a sentence each; empty if all is as reported. */
  readonly findings: readonly string[];
  /** What the report of a cancelled run says that it does not count, as a sentence; absent if it counts all. */
  readonly note?: string;
}

/** Counts what is in the sinks of a run, and compares it with its report. */
export async function verifyRun(
  site: Site,
  run: string,
  pipeline: Pipeline,
): Promise<Verification> {
  const stored = await explained(site, storedRun(site, run, pipeline));
  const { report, savers } = stored;
  const accounts: SinkAccount[] = [];
  for (const saver of savers) accounts.push(await account(site, stored, saver));
  const { findings, note } = compareReport(report, accounts);
  return {
    run,
    chunks: accounts.reduce((sum, each) => sum + each.chunks, 0),
    records: accounts.reduce((sum, each) => sum + each.records, 0),
    findings: [
      ...accounts.flatMap((each) => each.findings),
      ...findings,
      ...compareReaders(report, savers, accounts),
    ],
    ...(note !== undefined && { note }),
  };
}

/** What is in a saver's sink; nothing, if it is that of another run, or not the one that the run has. */
async function account(site: Site, stored: StoredRun, saver: Saver): Promise<SinkAccount> {
  try {
    const session = await openStored(site, stored, saver);
    try {
      const other = otherSink(stored, saver.name, session.identity);
      if (other !== undefined) return nothing(other.message);
      return await accountOf(session, saver.name, stored.request);
    } finally {
      await session.close();
    }
  } catch (error) {
    if (!(error instanceof LeatError && error.code === 'sink-taken')) throw error;
    return nothing(error.message);
  }
}
function nothing(finding: string): SinkAccount {
  return {
    chunks: 0,
    records: 0,
    digest: EMPTY_DIGEST,
    roots: new RangeSet(),
    findings: [finding],
  };
}

/** Savers that read from one stage are given the same records. */
function compareReaders(
  report: RunReport,
  savers: readonly Saver[],
  accounts: readonly SinkAccount[],
): string[] {
  if (report.state !== 'completed') return [];
  return savers.flatMap((saver, nth) => {
    const first = savers.findIndex((each) => sourcesText(each) === sourcesText(saver));
    const [one, other] = [accounts[first]?.records, accounts[nth]?.records];
    return one === other
      ? []
      : [
          `${savers[first]?.name} and ${saver.name} read the same records; they hold ${one} and ${other}.`,
        ];
  });
}

function sourcesText({ from }: Saver): string {
  return from
    .map(({ name }) => name)
    .toSorted()
    .join('+');
}
