import { addDigest, EMPTY_DIGEST, isEnded, type RunReport } from '@leat/core';
import type { Call, Command } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { storedRun, withSink } from '../stored-run.ts';
import { accountOf, type SinkAccount } from '../verify-sink.ts';

export const verifyCommand: Command = {
  name: 'verify',
  operands: '<run> [pipeline]',
  operandCount: [1, 2],
  summary: 'Counts what is in the sinks, and holds it against the run’s report.',
  options: { json: { type: 'boolean', meaning: 'Print JSON.' } },
  run: verify,
};

/** Beyond this many, findings are only counted. */
const MAX_FINDINGS = 50;

async function verify(call: Call): Promise<number> {
  const { report, run, savers } = await storedRun(call, 'verify');
  const accounts: SinkAccount[] = [];
  for (const saver of savers) {
    accounts.push(await withSink(call, run, saver, (session) => accountOf(session, saver.name)));
  }
  const findings = [
    ...accounts.flatMap((account) => account.findings),
    ...compare(report, accounts),
  ];
  const records = accounts.reduce((sum, account) => sum + account.records, 0);
  const chunks = accounts.reduce((sum, account) => sum + account.chunks, 0);
  if (call.flags['json'] === true) {
    process.stdout.write(
      `${JSON.stringify({ run: run.id, chunks, records, findings }, undefined, 2)}\n`,
    );
  } else {
    for (const finding of findings.slice(0, MAX_FINDINGS)) process.stdout.write(`${finding}\n`);
    if (findings.length > MAX_FINDINGS) {
      process.stdout.write(`and ${findings.length - MAX_FINDINGS} more.\n`);
    }
    const verdict = findings.length === 0 ? 'as reported' : `${findings.length} findings`;
    process.stdout.write(
      `${run.id}: ${records.toLocaleString('en')} records in ${chunks.toLocaleString('en')} chunks, ${verdict}.\n`,
    );
  }
  return findings.length === 0 ? EXIT.ok : EXIT.failed;
}

function compare(report: RunReport, accounts: readonly SinkAccount[]): string[] {
  const findings: string[] = [];
  if (!isEnded(report.state)) {
    findings.push(`The run is ${report.state}: what is in the sinks may change.`);
  }
  const records = accounts.reduce((sum, account) => sum + account.records, 0);
  if (records !== report.records.saved) {
    findings.push(
      `The report says ${report.records.saved} records were saved; the sinks hold ${records}.`,
    );
  }
  const digest = accounts.reduce((sum, account) => addDigest(sum, account.digest), EMPTY_DIGEST);
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
