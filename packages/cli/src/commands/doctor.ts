import { messageOf, type PipelineSpec } from '@leat/core';
import { type Examination, type Finding, diagnose, examine, mend } from '@leat/operate';
import { connectionName, loadPipeline, type NatsSettings, openConnection } from '@leat/runtime';
import type { Call, Command } from '../command.ts';
import { findingLine, type Mended, mendedLine, summaryLine } from '../doctor-text.ts';
import { EXIT } from '../exit-code.ts';
import { readMonitor } from '@leat/operate';
import { withNats } from '../nats-access.ts';
import { print } from '../output.ts';

export const doctorCommand: Command = {
  name: 'doctor',
  operands: '[pipeline]',
  operandCount: [0, 1],
  summary: 'Looks for what loses data or stalls on a NATS server, for one pipeline or all.',
  options: {
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
    json: { type: 'boolean', meaning: 'Print JSON.' },
  },
  run: doctor,
};

/** What a server is, what was mended on it, and what is left. */
interface Diagnosis {
  readonly server: Examination['server'];
  readonly mended: readonly Mended[];
  readonly findings: readonly Finding[];
}

async function doctor(call: Call): Promise<number> {
  const [file] = call.operands;
  const spec = file === undefined ? undefined : (await loadPipeline(file)).spec;
  const diagnosis = await withNats(call, (nats) => examineAndMend(call, nats, spec));
  await show(call, diagnosis);
  const isWell = diagnosis.findings.every(({ severity }) => severity === 'note');
  return isWell ? EXIT.ok : EXIT.failed;
}

async function examineAndMend(
  call: Call,
  nats: NatsSettings,
  spec: PipelineSpec | undefined,
): Promise<Diagnosis> {
  const connection = await openConnection(nats, {
    name: connectionName('doctor'),
    logger: call.logger,
  });
  const urls = (call.flags['monitor'] ?? []) as readonly string[];
  const look = async (): Promise<Diagnosis> => {
    const seen: Examination = {
      ...(await examine(connection, nats.url, spec?.name)),
      monitors: await Promise.all(urls.map(readMonitor)),
    };
    const findings = diagnose(seen, {
      ...(spec && { spec }),
      settings: call.settings.topology,
      isProduction: call.flags['production'] === true,
    });
    return { server: seen.server, mended: [], findings };
  };
  try {
    const first = await look();
    if (call.flags['fix'] !== true) return first;
    const mended: Mended[] = [];
    for (const finding of first.findings) {
      if (finding.mend === undefined) continue;
      const refusal = await mend(connection, finding.mend).then(() => undefined, messageOf);
      mended.push({ finding, ...(refusal !== undefined && { refusal }) });
    }
    return mended.length === 0 ? first : { ...(await look()), mended };
  } finally {
    await connection.close();
  }
}

async function show(call: Call, { server, mended, findings }: Diagnosis): Promise<void> {
  if (call.flags['json'] === true) {
    const shown = {
      server,
      mended: mended.map(({ finding, refusal }) => ({ ...facts(finding), refusal })),
      findings: findings.map((finding) => ({
        ...facts(finding),
        isMendable: finding.mend !== undefined,
      })),
    };
    await print(`${JSON.stringify(shown, undefined, 2)}\n`);
    return;
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
