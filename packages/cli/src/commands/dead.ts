import { type DeadLetterChoice, isChosen, LeatError } from '@leat/core';
import { type DeadLetter, deadLetterPipelines, readDeadLetters } from '@leat/runtime';
import type { Call, Command } from '../command.ts';
import { deadLetterLine, deadLetterText } from '../dead-letter-text.ts';
import { dropLetters } from '../drop-letters.ts';
import { EXIT } from '../exit-code.ts';
import { findLetters, PIPELINE_OPTION, type RunPlace, withRuns } from '../find-run.ts';
import { outputWidth, print } from '../output.ts';
import { redriveLetters } from '../redrive-letters.ts';

export const deadCommand: Command = {
  name: 'dead',
  operands: 'list [run] | show <run> <chunk> <index> | redrive|drop <run> [<chunk> <index>]',
  operandCount: [1, 4],
  summary: 'Lists dead letters, shows one, has their records tried again, or removes them.',
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

/** What was asked for. */
interface Wanted {
  readonly run: string | undefined;
  readonly choice: DeadLetterChoice;
  /** How a letter is printed. */
  readonly text: (letter: DeadLetter) => string;
  /** What is to be said if there is none. */
  readonly none: string;
  /** Whether it is an error that there is none. */
  readonly mustBe: boolean;
}

function dead(call: Call): Promise<number> {
  const [action, run, chunk, index] = call.operands;
  const choice = choiceOf(call, chunk, index);
  const act = action === 'redrive' ? redriveLetters : action === 'drop' ? dropLetters : undefined;
  if (act === undefined) {
    const wanted = wantedOf(call, choice);
    return withRuns(call, (place) => show(call, place, wanted));
  }
  if (run === undefined || (chunk === undefined) !== (index === undefined)) throw misuse(call);
  return withRuns(call, (place) => act(call, place, run, choice));
}

async function show(call: Call, place: RunPlace, wanted: Wanted): Promise<number> {
  const { run, none, mustBe } = wanted;
  if (run === undefined) await demandPipeline(place);
  const pipeline = run === undefined ? place.pipeline : (await findLetters(place, run)).pipeline;
  if (await showAll(call, { ...place, pipeline }, wanted)) return EXIT.ok;
  if (mustBe) throw new LeatError('invalid-configuration', none);
  if (call.flags['json'] !== true) await print(`${none}\n`);
  return EXIT.ok;
}

/** @returns whether there is any that is wanted */
async function showAll(
  call: Call,
  { connection, pipeline }: RunPlace,
  { run, choice, text }: Wanted,
): Promise<boolean> {
  const unreadable = (stream: string, seq: number): void =>
    call.logger.warn({ stream, seq }, 'a message that is no dead letter is left out');
  let isAny = false;
  for await (const letter of readDeadLetters(connection, { pipeline, run }, unreadable)) {
    if (!isChosen(letter, choice)) continue;
    isAny = true;
    if (!(await print(`${text(letter)}\n`))) break;
  }
  return isAny;
}

/** @throws LeatError if the command line makes no sense */
function choiceOf(
  call: Call,
  chunk: string | undefined,
  index: string | undefined,
): DeadLetterChoice {
  const { stage, error } = call.flags as { readonly stage?: string; readonly error?: string };
  if (index !== undefined && !/^\d{1,9}$/.test(index)) throw misuse(call);
  return {
    ...(chunk !== undefined && { chunk }),
    ...(index !== undefined && { index: Number(index) }),
    ...(stage !== undefined && { stage }),
    ...(error !== undefined && { error }),
  };
}

/** @throws LeatError if the command line makes no sense */
function wantedOf(call: Call, choice: DeadLetterChoice): Wanted {
  const [action, run, chunk, index] = call.operands;
  const isJson = call.flags['json'] === true;
  if (action === 'list' && chunk === undefined) {
    const isFiltered = choice.stage !== undefined || choice.error !== undefined;
    const width = outputWidth() ?? LINE_WIDTH;
    return {
      run,
      choice,
      text: isJson ? JSON.stringify : (letter) => deadLetterLine(letter, width),
      none: isFiltered ? 'No dead letters of that kind.' : 'No dead letters.',
      mustBe: false,
    };
  }
  if (action === 'show' && index !== undefined) {
    return {
      run,
      choice,
      text: isJson ? JSON.stringify : deadLetterText,
      none: `The run ${run} has no such dead letter of record ${index} of chunk ${chunk}: "leat dead list ${run}" lists them.`,
      mustBe: true,
    };
  }
  throw misuse(call);
}

function misuse(call: Call): LeatError {
  const got = JSON.stringify(call.operands.join(' '));
  return new LeatError(
    'invalid-configuration',
    `It takes ${deadCommand.operands} and got ${got}: see "leat dead --help".`,
  );
}

/** @throws LeatError `invalid-configuration` if no dead letters are kept of the pipeline that is named */
async function demandPipeline({ connection, address, pipeline }: RunPlace): Promise<void> {
  if (pipeline === undefined) return;
  const found = await deadLetterPipelines(connection);
  if (found.includes(pipeline)) return;
  throw new LeatError(
    'invalid-configuration',
    `There are no dead letters of a pipeline ${JSON.stringify(pipeline)} on the NATS server at ${address}; it has those of ${found.join(', ') || 'none'}.`,
  );
}
