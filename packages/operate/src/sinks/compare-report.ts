import { addDigest, EMPTY_DIGEST, isEnded, type RunReport } from '@leat/core';
import type { SinkAccount } from './verify-sink.ts';

/** What a report and the sinks of its run say of each other. */
export interface Comparison {
  /** What is wrong, a sentence each. */
  readonly findings: readonly string[];
  /** What the report says that it does not count, as a sentence; absent if it counts all. */
  readonly note?: string;
}

/** Holds a report against what is in the sinks of its run. */
export function compareReport(
  report: RunReport,
  accounts: readonly Pick<SinkAccount, 'records' | 'digest' | 'roots'>[],
): Comparison {
  const findings: string[] = [];
  const { saved, filtered } = report.records;
  if (!isEnded(report.state)) {
    findings.push(`The run is ${report.state}: what is in the sinks may change.`);
  }
  const records = accounts.reduce((sum, each) => sum + each.records, 0);
  const digest = accounts.reduce((sum, each) => addDigest(sum, each.digest), EMPTY_DIGEST);
  // A cancelled run may end before the savers have finished, and says so.
  if (report.state === 'cancelled' && report.reason !== undefined && records > saved) {
    const more = records - saved;
    return {
      findings,
      note: `The report does not count ${more} of these records: ${report.reason}.`,
    };
  }
  if (records !== saved) {
    findings.push(`The report says ${saved} records were saved; the sinks hold ${records}.`);
  }
  if (digest !== report.digest) {
    findings.push(`The digest of the receipts is ${digest}; the report says ${report.digest}.`);
  }
  // Where the run was left early, or records were filtered, a chunk may rightly have left nothing.
  if (report.state === 'completed' && filtered === 0) {
    for (let seq = 0; seq < report.chunks.total; seq++) {
      if (!accounts.some(({ roots }) => roots.has(seq)))
        findings.push(`Chunk ${seq} is in no sink.`);
    }
  }
  return { findings };
}
