import { addDigest, EMPTY_DIGEST, isEnded, LeatError, RangeSet, type RunReport } from '@leat/core';
import type { Saver } from '@leat/sdk';
import type { Call, Command } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { PIPELINE_OPTION } from '../find-run.ts';
import { print } from '../output.ts';
import { otherSink, storedRun, type StoredRun, withSink } from '../stored-run.ts';
import { accountOf, type SinkAccount } from '@leat/operate';

export const verifyCommand: Command = {
  name: 'verify',
  operands: '<run> [pipeline]',
  operandCount: [1, 2],
  summary: 'Counts what is in the sinks, and holds it against the run’s report.',
  options: { pipeline: PIPELINE_OPTION, json: { type: 'boolean', meaning: 'Print JSON.' } },
  run: verify,
};

/** Beyond this many, findings are only counted. */
const MAX_FINDINGS = 50;

async function verify(call: Call): Promise<number> {
  const stored = await storedRun(call, 'verify');
  const { report, savers } = stored;
  const accounts: SinkAccount[] = [];
  for (const saver of savers) accounts.push(await account(call, stored, saver));
  const findings = [
    ...accounts.flatMap((each) => each.findings),
    ...compare(report, accounts),
    ...compareReaders(report, savers, accounts),
  ];
  const records = accounts.reduce((sum, each) => sum + each.records, 0);
  const chunks = accounts.reduce((sum, each) => sum + each.chunks, 0);
  if (call.flags['json'] === true) {
    await print(
      `${JSON.stringify({ run: report.run, chunks, records, findings }, undefined, 2)}\n`,
    );
  } else {
    for (const finding of findings.slice(0, MAX_FINDINGS)) await print(`${finding}\n`);
    if (findings.length > MAX_FINDINGS) {
      await print(`and ${findings.length - MAX_FINDINGS} more.\n`);
    }
    const verdict = findings.length === 0 ? 'as reported' : `${findings.length} findings`;
    await print(
      `${report.run}: ${records.toLocaleString('en')} records in ${chunks.toLocaleString('en')} chunks, ${verdict}.\n`,
    );
  }
  return findings.length === 0 ? EXIT.ok : EXIT.failed;
}

/** What is in a saver's sink; nothing, if it is that of another run, or not the one that the run has. */
async function account(call: Call, stored: StoredRun, saver: Saver): Promise<SinkAccount> {
  const known = stored.progress?.sinks?.[saver.name];
  try {
    return await withSink(call, stored, saver, async (session) => {
      const { identity } = session;
      if (known === undefined || identity === undefined || known.mark === identity.mark) {
        return accountOf(session, saver.name, stored.request);
      }
      return nothing(otherSink(saver.name, known, identity));
    });
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
    const first = savers.findIndex(({ from }) => from === saver.from);
    const [one, other] = [accounts[first]?.records, accounts[nth]?.records];
    return one === other
      ? []
      : [
          `${savers[first]?.name} and ${saver.name} read the same records; they hold ${one} and ${other}.`,
        ];
  });
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
