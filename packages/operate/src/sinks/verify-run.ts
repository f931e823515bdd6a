import { addDigest, EMPTY_DIGEST, isEnded, LeatError, RangeSet, type RunReport } from '@leat/core';
import type { Pipeline, Saver } from '@leat/sdk';
import { explained, type Site } from '../site.ts';
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
  return {
    run,
    chunks: accounts.reduce((sum, each) => sum + each.chunks, 0),
    records: accounts.reduce((sum, each) => sum + each.records, 0),
    findings: [
      ...accounts.flatMap((each) => each.findings),
      ...compare(report, accounts),
      ...compareReaders(report, savers, accounts),
    ],
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

function compare(report: RunReport, accounts: readonly SinkAccount[]): string[] {
  const findings: string[] = [];
  if (!isEnded(report.state)) {
    findings.push(`The run is ${report.state}: what is in the sinks may change.`);
  }
  const records = accounts.reduce((sum, each) => sum + each.records, 0);
  if (records !== report.records.saved) {
    findings.push(
      `The report says ${report.records.saved} records were saved; the sinks hold ${records}.`,
    );
  }
  const digest = accounts.reduce((sum, each) => addDigest(sum, each.digest), EMPTY_DIGEST);
  if (digest !== report.digest) {
    findings.push(`The digest of the receipts is ${digest}; the report says ${report.digest}.`);
  }
  // Where the run was left early, or records were filtered, a chunk may rightly have left nothing.
  if (report.state === 'completed' && report.records.filtered === 0) {
    for (let seq = 0; seq < report.chunks.total; seq++) {
      if (!accounts.some(({ roots }) => roots.has(seq)))
        findings.push(`Chunk ${seq} is in no sink.`);
    }
  }
  return findings;
}
