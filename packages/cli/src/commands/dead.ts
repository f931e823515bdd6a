import { relative } from 'node:path';
import { type DeadLetterChoice, LeatError } from '@leat/core';
import {
  type DeadLetterGroup,
  formatFailedChunk,
  type Leat,
  type LeftOut,
  type LetterChoice,
} from '@leat/operate';
import type { Call, Command } from '../command.ts';
import { deadLetterGroupLine, deadLetterLine, deadLetterText, plain } from '../dead-letter-text.ts';
import { EXIT } from '../exit-code.ts';
import { printJson } from '../json.ts';
import { outputWidth, print } from '../output.ts';
import { PIPELINE_OPTION, pipelineChoice, withLeat } from '../with-leat.ts';

export const deadCommand: Command = {
  name: 'dead',
  operands:
    'list|groups [run] | show <run> <chunk> <index> | redrive|drop <run> [<chunk> <index>] | export <run> <chunk>',
  operandCount: [1, 4],
  summary:
    'Lists or counts dead letters, shows one, has records tried again, removes or exports them.',
  options: {
    pipeline: PIPELINE_OPTION,
    stage: { type: 'string', value: 'NAME', meaning: 'Only those of this stage.' },
    error: {
      type: 'string',
      value: 'TEXT',
      meaning: "Only those with this text in the error's name or message.",
    },
    json: { type: 'boolean', meaning: 'Print JSON: whole letters, one a line; or what is done.' },
  },
  run: dead,
};

/** Where a line ends that nobody sees on a terminal. */
const LINE_WIDTH = 160;

const WHY: Readonly<Record<LeftOut, string>> = {
  'rejected by the source': 'were rejected by the source, which made no record of them',
  cut: 'are too large for a message, and only their beginning is kept',
  'not UTF-8': 'are not valid UTF-8, and their bytes are not kept',
  'too deep': 'were divided too often before, so that there is no room for a longer chunk id',
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

interface Action {
  /** How many operands there must be, beside the action's name. */
  readonly operands: readonly number[];
  readonly run: (asked: Asked) => Promise<void>;
}

const ACTIONS: Readonly<Record<string, Action>> = {
  list: { operands: [0, 1], run: list },
  groups: { operands: [0, 1], run: groups },
  show: { operands: [3], run: show },
  redrive: { operands: [1, 3], run: redrive },
  drop: { operands: [1, 3], run: drop },
  export: { operands: [2], run: exportChunk },
};

async function dead(call: Call): Promise<number> {
  const [name = '', run = '', chunk = '', index = ''] = call.operands;
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  const isIndex = index === '' || /^\d{1,9}$/.test(index);
  if (action === undefined || !isIndex || !action.operands.includes(call.operands.length - 1)) {
    throw misuse(call);
  }
  const { stage, error } = call.flags as { readonly stage?: string; readonly error?: string };
  const choice: DeadLetterChoice = {
    ...(index !== '' && { chunk, index: Number(index) }),
    ...(stage !== undefined && { stage }),
    ...(error !== undefined && { error }),
  };
  const isJson = call.flags['json'] === true;
  const isFiltered = stage !== undefined || error !== undefined;
  const asked = { run, chunk, index: Number(index), isJson, isFiltered };
  await withLeat(call, (leat) =>
    action.run({ ...asked, leat, choice: { ...choice, ...pipelineChoice(call) } }),
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

function misuse(call: Call): LeatError {
  const got = JSON.stringify(call.operands.join(' '));
  return new LeatError(
    'invalid-configuration',
    `It takes ${deadCommand.operands} and got ${got}: see "leat dead --help".`,
  );
}
