import { relative } from 'node:path';
import { type DeadLetterChoice, LeatError } from '@leat/core';
import {
  type DeadLetterGroup,
  formatFailedChunk,
  type Leat,
  type LeftOut,
  type LetterChoice,
} from '@leat/operate';
import {
  type Call,
  type Command,
  type CommandGroup,
  type CommandOptions,
  defineCommand,
} from '../command.ts';
import { deadLetterGroupLine, deadLetterLine, deadLetterText, plain } from '../dead-letter-text.ts';
import { EXIT } from '../exit-code.ts';
import { printJson } from '../json.ts';
import { outputWidth, print } from '../output.ts';
import { PIPELINE_OPTION, pipelineChoice, withLeat } from '../with-leat.ts';

const CHOICE = {
  pipeline: PIPELINE_OPTION,
  stage: { type: 'string', value: 'NAME', meaning: 'Only those of this stage.' },
  error: {
    type: 'string',
    value: 'TEXT',
    meaning: "Only those with this text in the error's name or message.",
  },
} as const satisfies CommandOptions;
const OPTIONS = {
  ...CHOICE,
  json: { type: 'boolean', meaning: 'Print JSON: whole letters, one a line; or what is done.' },
} as const satisfies CommandOptions;

/** Where a line ends that nobody sees on a terminal. */
const LINE_WIDTH = 160;

const WHY: Readonly<Record<LeftOut, string>> = {
  'rejected by the source': 'were rejected by the source, which made no record of them',
  cut: 'are too large for a message, and only their beginning is kept',
  'not UTF-8': 'are not valid UTF-8, and their bytes are not kept',
  'too deep': 'were divided too often before, so that there is no room for a longer chunk id',
  'in a branch of a join': 'were given up in a branch of a join, which has gone on without them',
  uncounted: 'were worked on again, and the run counts what became of them then',
};

/** What was asked for. */
interface Asked {
  readonly leat: Leat;
  readonly run: string;
  readonly chunk: string;
  readonly index: number;
  readonly choice: LetterChoice;
  readonly isJson: boolean;
  readonly isFiltered: boolean;
}

const SETTINGS = ['nats', 'state'] as const;

const listCommand: Command = defineCommand({
  name: 'list',
  operands: '[run]',
  operandCount: [0, 1],
  summary: 'Lists dead letters, one a line.',
  options: OPTIONS,
  settings: SETTINGS,
  examples: ['dead list', 'dead list <run> --stage squares --json'],
  run: (call) => act(call, list),
});

const groupsCommand: Command = defineCommand({
  name: 'groups',
  operands: '[run]',
  operandCount: [0, 1],
  summary: 'Counts dead letters by stage and error.',
  options: OPTIONS,
  settings: SETTINGS,
  examples: ['dead groups', 'dead groups <run> --json'],
  run: (call) => act(call, groups),
});

const showCommand: Command = defineCommand({
  name: 'show',
  operands: '<run> <chunk> <index>',
  operandCount: [3, 3],
  summary: 'Shows one dead letter with its stack and its record.',
  options: OPTIONS,
  settings: SETTINGS,
  examples: ['dead show <run> 42 7', 'dead show <run> 42 7 --json'],
  run: (call) => act(call, show),
});

const redriveCommand: Command = defineCommand({
  name: 'redrive',
  operands: '<run> [<chunk> <index>]',
  operandCount: [1, 3, 2],
  summary: 'Has the records of dead letters tried again: all of a run, or those chosen.',
  options: OPTIONS,
  settings: SETTINGS,
  examples: ['dead redrive <run>', 'dead redrive <run> --error ECONNREFUSED'],
  run: (call) => act(call, redrive),
});

const dropCommand: Command = defineCommand({
  name: 'drop',
  operands: '<run> [<chunk> <index>]',
  operandCount: [1, 3, 2],
  summary: 'Removes dead letters for good; the report counts them still.',
  options: OPTIONS,
  settings: SETTINGS,
  examples: ['dead drop <run> 42 7', 'dead drop <run> --stage squares'],
  run: (call) => act(call, drop),
});

const exportCommand: Command = defineCommand({
  name: 'export',
  operands: '<run> <chunk>',
  operandCount: [2, 2],
  summary: 'Writes the failed records of a chunk as a file that a test can replay.',
  options: CHOICE,
  settings: SETTINGS,
  examples: ['dead export <run> 42 > chunk.json', 'dead export <run> 42 --pipeline orders'],
  run: (call) => act(call, exportChunk),
});

export const deadCommands: CommandGroup = {
  name: 'dead',
  summary: 'Lists, shows, tries again, removes and exports dead letters.',
  commands: [listCommand, groupsCommand, showCommand, redriveCommand, dropCommand, exportCommand],
  examples: ['dead list <run>', 'dead redrive <run>'],
};

/** A call of any of these commands; one that prints JSON in any case has no `--json`. */
type DeadCall = Call<typeof CHOICE> & { readonly flags: { readonly json?: boolean } };

async function act(call: DeadCall, action: (asked: Asked) => Promise<void>): Promise<number> {
  const [run = '', chunk = '', index = ''] = call.operands;
  const { stage, error, json } = call.flags;
  if (index !== '' && !/^\d{1,9}$/.test(index)) throw badIndex(index);
  const choice: DeadLetterChoice = {
    ...(index !== '' && { chunk, index: Number(index) }),
    ...(stage !== undefined && { stage }),
    ...(error !== undefined && { error }),
  };
  const isFiltered = stage !== undefined || error !== undefined;
  const asked = { run, chunk, index: Number(index), isJson: json === true, isFiltered };
  await withLeat(call, (leat) =>
    action({ ...asked, leat, choice: { ...choice, ...pipelineChoice(call) } }),
  );
  return EXIT.ok;
}

async function list({ leat, run, choice, isJson, isFiltered }: Asked): Promise<void> {
  const width = outputWidth() ?? LINE_WIDTH;
  let isAny = false;
  for await (const letter of leat.dead.list(run || undefined, choice)) {
    isAny = true;
    const text = isJson ? JSON.stringify(letter) : deadLetterLine(letter, width);
    if (!(await print(`${text}\n`))) return;
  }
  if (!isAny && !isJson) await print(none(isFiltered));
}

async function groups({ leat, run, choice, isJson, isFiltered }: Asked): Promise<void> {
  const width = outputWidth() ?? LINE_WIDTH;
  const found: readonly DeadLetterGroup[] = await leat.dead.groups(run || undefined, choice);
  if (isJson) return printJson(found);
  for (const group of found) await print(`${deadLetterGroupLine(group, width)}\n`);
  if (found.length === 0) await print(none(isFiltered));
}

async function show({ leat, run, chunk, index, choice, isJson }: Asked): Promise<void> {
  for (const letter of await leat.dead.show(run, { chunk, index }, choice)) {
    await print(`${isJson ? JSON.stringify(letter) : deadLetterText(letter)}\n`);
  }
}

async function redrive({ leat, run, choice, isJson }: Asked): Promise<void> {
  const asked = await leat.dead.redrive(run, choice);
  const { records, leftOut, pipeline } = asked;
  if (isJson) return printJson({ run, records, leftOut });
  const lines = [`${counted(records)} of the run ${run} will be tried again.`];
  for (const [reason, count] of Object.entries(leftOut)) {
    lines.push(`${counted(count)} will not: they ${WHY[reason as LeftOut]}.`);
  }
  if (records > 0) {
    const file = plain(relative('.', asked.file ?? 'pipeline.ts'));
    lines.push(
      `This is done as soon as a fetcher, mappers and savers of ${pipeline} are running, or "leat dev ${file} --run ${run}" if that made the run.`,
    );
  }
  await print(`${lines.join('\n')}\n`);
}

async function drop({ leat, run, choice, isJson }: Asked): Promise<void> {
  const { records } = await leat.dead.drop(run, choice);
  if (isJson) return printJson({ run, records });
  await print(`${counted(records)} of the run ${run} ${records === 1 ? 'is' : 'are'} dropped.\n`);
}

/** It is a file's content, and JSON in any case. */
async function exportChunk({ leat, run, chunk, choice }: Asked): Promise<void> {
  await print(formatFailedChunk(await leat.dead.export(run, chunk, choice)));
}

function none(isFiltered: boolean): string {
  return isFiltered ? 'No dead letters of that kind.\n' : 'No dead letters.\n';
}

function counted(records: number): string {
  return `${records.toLocaleString('en')} dead ${records === 1 ? 'letter' : 'letters'}`;
}

function badIndex(index: string): LeatError {
  return new LeatError(
    'invalid-configuration',
    `The index of a record must be a whole number from 0; it is ${JSON.stringify(index)}: "leat dead list" shows it.`,
  );
}
