import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine } from './measure/machine.ts';
import { formatTable } from './measure/table.ts';
import { ratioTable } from './measure/ratio-table.ts';
import type { Bench, Ratios } from './scenario.ts';
import { SCENARIOS } from './scenarios/index.ts';

const USAGE = `pnpm bench [scenario…] [--quick] [--json FILE] [--work-dir DIR]

${SCENARIOS.map(({ name, about }) => `  ${name.padEnd(14)}${about}`).join('\n')}

  --quick        Four to seven minutes: the scenario contenders in fewer rounds, and those that take seconds.
  --json FILE    Where to write what was found, as JSON.
  --work-dir DIR Where data are written while it runs (default: the system's folder for temporary files).
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    'work-dir': { type: 'string', default: tmpdir() },
    help: { type: 'boolean', default: false },
  },
});

const unknown = positionals.filter((name) => SCENARIOS.every((scenario) => scenario.name !== name));
if (values.help || unknown.length > 0) {
  process.stderr.write(unknown.length > 0 ? `No such scenario: ${unknown.join(', ')}.\n` : '');
  process.stdout.write(USAGE);
  process.exit(unknown.length > 0 ? 2 : 0);
}

const isWanted = (name: string, isQuick: boolean): boolean =>
  positionals.length > 0 ? positionals.includes(name) : isQuick || !values.quick;
const workDir = await mkdtemp(join(resolve(values['work-dir']), 'leat-bench-'));
const bench: Bench = {
  isQuick: values.quick,
  workDir,
  log: (line) => void process.stderr.write(`${line}\n`),
};

try {
  const machine = await describeMachine();
  const found: Record<string, unknown> = {};
  const ratios: Record<string, Ratios[string]> = {};
  const cpuRatios: Record<string, Ratios[string]> = {};
  for (const [name, value] of Object.entries(machine)) process.stdout.write(`${name}: ${value}\n`);
  for (const scenario of SCENARIOS.filter(({ name, isQuick }) => isWanted(name, isQuick))) {
    bench.log(`\n${scenario.name}: ${scenario.about}`);
    const finding = await scenario.run(bench);
    found[scenario.name] = finding.data;
    for (const table of finding.tables) process.stdout.write(`\n${formatTable(table)}`);
    Object.assign(ratios, finding.ratios);
    Object.assign(cpuRatios, finding.cpuRatios);
  }
  for (const [title, all] of [
    ["Leat's records per second, divided by those of", ratios],
    ['CPU time of others for a record, divided by that of Leat', cpuRatios],
  ] as const) {
    if (Object.keys(all).length > 0) {
      process.stdout.write(`\n${formatTable(ratioTable(title, all))}`);
    }
  }
  if (values.json !== undefined) {
    const at = new Date().toISOString();
    const all = { at, isQuick: values.quick, machine, ratios, cpuRatios, scenarios: found };
    await writeFile(values.json, `${JSON.stringify(all, undefined, 2)}\n`);
  }
} finally {
  await rm(workDir, { recursive: true, force: true, maxRetries: 5 });
}
