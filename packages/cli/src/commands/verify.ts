import { type Call, type Command, type CommandOptions, defineCommand } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { JSON_OPTION, printJson } from '../json.ts';
import { print } from '../output.ts';
import { pipelineOfRun } from '../pipeline-of-run.ts';
import { PIPELINE_OPTION, withLeat } from '../with-leat.ts';

const OPTIONS = { pipeline: PIPELINE_OPTION, json: JSON_OPTION } as const satisfies CommandOptions;

export const verifyCommand: Command = defineCommand({
  name: 'verify',
  operands: '<run> [pipeline]',
  operandCount: [1, 2],
  summary: 'Counts what is in the sinks, and compares it with the run’s report.',
  options: OPTIONS,
  settings: ['nats', 'state'],
  examples: ['verify <run>', 'verify <run> pipeline.ts --json'],
  run: verify,
});

/** Beyond this many, findings are only counted. */
const MAX_FINDINGS = 50;

async function verify(call: Call<typeof OPTIONS>): Promise<number> {
  const [id = ''] = call.operands;
  const verification = await withLeat(call, async (leat, isOfDev) =>
    leat.verify(id, await pipelineOfRun(call, leat, isOfDev, 'verify')),
  );
  const { findings, note } = verification;
  if (call.flags.json === true) {
    await printJson(verification);
  } else {
    for (const finding of findings.slice(0, MAX_FINDINGS)) await print(`${finding}\n`);
    if (findings.length > MAX_FINDINGS) {
      await print(`and ${findings.length - MAX_FINDINGS} more.\n`);
    }
    if (note !== undefined) await print(`${note}\n`);
    const asReported = note === undefined ? 'as reported' : 'no findings';
    const verdict = findings.length === 0 ? asReported : `${findings.length} findings`;
    const [records, chunks] = [verification.records, verification.chunks];
    await print(
      `${id}: ${records.toLocaleString('en')} records in ${chunks.toLocaleString('en')} chunks, ${verdict}.\n`,
    );
  }
  return findings.length === 0 ? EXIT.ok : EXIT.failed;
}
