import { checkName, checkRunId, LeatError } from '@leat/core';
import {
  addressOf,
  type DeadLetter,
  deadLetterPipelines,
  jetStreamRefusal,
  type NatsSettings,
  openConnection,
  readDeadLetters,
} from '@leat/sdk/internal';
import type { Call, Command } from '../command.ts';
import { deadLetterLine, deadLetterText } from '../dead-letter-text.ts';
import { EXIT } from '../exit-code.ts';
import { pick, withRuns } from '../find-run.ts';
import { withNats } from '../nats-access.ts';
import { connectionName } from '../open-run.ts';

export const deadCommand: Command = {
  name: 'dead',
  operands: 'list [run] | show <run> <chunk> <index>',
  operandCount: [1, 4],
  summary: 'Lists dead letters, one a line, or shows all that is known of one.',
  options: {
    pipeline: { type: 'string', value: 'NAME', meaning: 'Only those of this pipeline.' },
    stage: { type: 'string', value: 'NAME', meaning: 'Only those of this stage.' },
    error: {
      type: 'string',
      value: 'TEXT',
      meaning: "Only those with this text in the error's name or message.",
    },
    json: { type: 'boolean', meaning: 'Print whole letters as JSON, one a line.' },
  },
  run: dead,
};

/** Where a line ends that nobody sees on a terminal. */
const LINE_WIDTH = 160;

/** What was asked for. */
interface Wanted {
  readonly pipeline: string | undefined;
  readonly run: string | undefined;
  readonly matches: (letter: DeadLetter) => boolean;
  /** How a letter is printed. */
  readonly print: (letter: DeadLetter) => string;
  /** What is to be said if there is none. */
  readonly none: string;
  /** Whether it is an error that there is none. */
  readonly mustBe: boolean;
}

function dead(call: Call): Promise<number> {
  const wanted = wantedOf(call);
  return withNats(call, async (nats) => {
    const { seen, shown } = await printAll(call, nats, wanted);
    if (shown > 0) return EXIT.ok;
    const { run, none, mustBe } = wanted;
    // The dead outlive the bucket that knows the runs, so it is asked only if there are none.
    if (seen === 0 && run !== undefined) {
      await withRuns(call, nats, async (find) => pick(await find(), run));
    }
    if (mustBe) throw new LeatError('invalid-configuration', none);
    if (call.flags['json'] !== true) process.stdout.write(`${none}\n`);
    return EXIT.ok;
  });
}

/** @returns how many letters there are of the run or pipeline, and how many of them were wanted */
async function printAll(
  call: Call,
  nats: NatsSettings,
  { pipeline, run, matches, print }: Wanted,
): Promise<{ readonly seen: number; readonly shown: number }> {
  const connection = await openConnection(nats, {
    name: connectionName('reader'),
    logger: call.logger,
  });
  const unreadable = (stream: string, seq: number): void =>
    call.logger.warn({ stream, seq }, 'a message that is no dead letter is left out');
  try {
    if (pipeline !== undefined) demandPipeline(pipeline, await deadLetterPipelines(connection));
    let seen = 0;
    let shown = 0;
    for await (const letter of readDeadLetters(connection, { pipeline, run }, unreadable)) {
      seen++;
      if (!matches(letter)) continue;
      shown++;
      process.stdout.write(`${print(letter)}\n`);
    }
    return { seen, shown };
  } catch (error) {
    throw error instanceof LeatError ? error : jetStreamRefusal(error, addressOf(nats));
  } finally {
    await connection.close();
  }
}

/** @throws LeatError if the command line makes no sense */
function wantedOf(call: Call): Wanted {
  const [action, run, chunk, index, ...rest] = call.operands;
  const flag = (name: string): string | undefined => call.flags[name] as string | undefined;
  const [pipeline, stage, error] = [flag('pipeline'), flag('stage'), flag('error')];
  if (pipeline !== undefined) checkName('pipeline', pipeline);
  if (run !== undefined) checkRunId(run);
  const passes = (letter: DeadLetter): boolean =>
    (stage === undefined || letter.stage === stage) &&
    (error === undefined || [letter.error.name, letter.error.message].some(has(error)));
  const isJson = call.flags['json'] === true;
  if (action === 'list' && chunk === undefined) {
    const isFiltered = stage !== undefined || error !== undefined;
    const width = process.stdout.columns ?? LINE_WIDTH;
    return {
      pipeline,
      run,
      matches: passes,
      print: isJson ? JSON.stringify : (letter) => deadLetterLine(letter, width),
      none: isFiltered ? 'No dead letters of that kind.' : 'No dead letters.',
      mustBe: false,
    };
  }
  if (action === 'show' && index !== undefined && rest.length === 0) {
    return {
      pipeline,
      run,
      matches: (letter) =>
        letter.chunk === chunk && String(letter.index) === index && passes(letter),
      print: isJson ? JSON.stringify : deadLetterText,
      none: `The run ${run} has no such dead letter of record ${index} of chunk ${chunk}: "leat dead list ${run}" lists them.`,
      mustBe: true,
    };
  }
  throw new LeatError(
    'invalid-configuration',
    `It takes ${deadCommand.operands} and got ${JSON.stringify(call.operands.join(' '))}: see "leat dead --help".`,
  );
}

function has(part: string): (text: string) => boolean {
  return (text) => text.includes(part);
}

function demandPipeline(pipeline: string, found: readonly string[]): void {
  if (found.includes(pipeline)) return;
  throw new LeatError(
    'invalid-configuration',
    `There are no dead letters of a pipeline ${JSON.stringify(pipeline)} on this NATS server; it has those of ${found.join(', ') || 'none'}.`,
  );
}
