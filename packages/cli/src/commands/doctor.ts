import { loadPipeline } from '@leat/runtime';
import type { Diagnosis, Finding } from '@leat/operate';
import { type Call, type Command, type CommandOptions, defineCommand } from '../command.ts';
import { findingLine, mendedLine, summaryLine } from '../doctor-text.ts';
import { EXIT } from '../exit-code.ts';
import { JSON_OPTION, printJson } from '../json.ts';
import { print } from '../output.ts';
import { withLeat } from '../with-leat.ts';

const OPTIONS = {
  production: {
    type: 'boolean',
    meaning: 'Judge a single server as strictly as a cluster.',
  },
  monitor: {
    type: 'string',
    multiple: true,
    value: 'URL',
    meaning: 'A server’s monitoring endpoint, such as http://127.0.0.1:8222.',
  },
  fix: { type: 'boolean', meaning: 'Mend what can be mended without losing anything.' },
  json: JSON_OPTION,
} as const satisfies CommandOptions;

export const doctorCommand: Command = defineCommand({
  name: 'doctor',
  operands: '[pipeline]',
  operandCount: [0, 1],
  summary: 'Looks for what loses data or stalls on a NATS server, for one pipeline or all.',
  options: OPTIONS,
  settings: ['nats', 'queues', 'state'],
  examples: ['doctor', 'doctor pipeline.ts --production --monitor http://127.0.0.1:8222'],
  run: doctor,
});

async function doctor(call: Call<typeof OPTIONS>): Promise<number> {
  const [file] = call.operands;
  const pipeline = file === undefined ? undefined : await loadPipeline(file);
  const diagnosis = await withLeat(call, (leat) =>
    leat.doctor({
      ...(pipeline && { pipeline }),
      isProduction: call.flags.production === true,
      monitors: call.flags.monitor ?? [],
      fix: call.flags.fix === true,
    }),
  );
  await show(call, diagnosis);
  const isWell = diagnosis.findings.every(({ severity }) => severity === 'note');
  return isWell ? EXIT.ok : EXIT.failed;
}

async function show(
  call: Call<typeof OPTIONS>,
  { server, mended, findings }: Diagnosis,
): Promise<void> {
  if (call.flags.json === true) {
    const shown = {
      server,
      mended: mended.map(({ finding, refusal }) => ({ ...facts(finding), refusal })),
      findings: findings.map((finding) => ({
        ...facts(finding),
        isMendable: finding.mend !== undefined,
      })),
    };
    return printJson(shown);
  }
  for (const each of mended) await print(mendedLine(each));
  for (const finding of findings) await print(findingLine(finding));
  await print(summaryLine(findings));
}

/** A finding without the change that mends it, which is for the server. */
function facts(finding: Finding): Omit<Finding, 'mend'> {
  const { severity, code, subject, found, consequence, remedy } = finding;
  return { severity, code, subject, found, consequence, remedy };
}
