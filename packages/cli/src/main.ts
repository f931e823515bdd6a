import { createRequire } from 'node:module';
import { errorText, LeatError, messageOf } from '@leat/core';
import { COMMANDS } from './commands.ts';
import { EXIT, exitCodeOfError } from './exit-code.ts';
import { type Entry, findCommand } from './find-command.ts';
import { commandHelp, generalHelp, groupHelp } from './help.ts';
import { complain, leave, print, settleOutput, watchOutput } from './output.ts';
import { paramRows } from './params-help.ts';
import { operandsIn, parseCall } from './parse-call.ts';
import { sayUnheardRejections } from './unheard-rejections.ts';

/** Runs the `leat` command and ends the process with its exit code. */
export async function main(args: readonly string[]): Promise<never> {
  watchOutput();
  // What a stage's function left running can throw long after it has returned. Only the first is told of.
  process.once('uncaughtException', (error) => {
    process.on('uncaughtException', () => undefined);
    const stack = error instanceof Error ? error.stack : undefined;
    const sentence = `An error was thrown where nobody could catch it, and the process has to end; a run goes on when it is started again: ${messageOf(error)}`;
    complain(stack === undefined ? sentence : `${sentence}\n${stack}`);
    leave(EXIT.failed);
  });
  sayUnheardRejections();
  process.on('exit', sayEndedByOthers);
  const code = await settleOutput(await run(args));
  process.off('exit', sayEndedByOthers);
  process.exit(code);
}

/** Nothing of Leat's own ends the process with 0 before a command is over: its result is not there. */
function sayEndedByOthers(code: number): void {
  if (code !== EXIT.ok) return;
  process.exitCode = EXIT.failed;
  complain(
    'The process was ended before the command was over, by process.exit in code of the pipeline most likely. A run goes on when it is started again.',
  );
}

async function run(args: readonly string[]): Promise<number> {
  try {
    const { entry, path, rest, isHelp, isVersion } = findCommand(COMMANDS, args);
    if (isVersion) {
      await print(`${ownVersion()}\n`);
      return EXIT.ok;
    }
    if (isHelp || entry === undefined || 'commands' in entry) {
      await print(await helpOf(path, entry, rest));
      return isHelp ? EXIT.ok : EXIT.unusable;
    }
    return await entry.run(parseCall(path, entry, rest, process.env));
  } catch (error) {
    if (error instanceof LeatError) return refuse(errorText(error), exitCodeOfError(error));
    const detail = process.env['LEAT_LOG_LEVEL'] === 'debug' ? (error as Error).stack : undefined;
    return refuse(
      `Something went wrong that Leat did not foresee: ${detail ?? messageOf(error)}`,
      EXIT.failed,
    );
  }
}

async function helpOf(
  path: string,
  entry: Entry | undefined,
  rest: readonly string[],
): Promise<string> {
  if (entry === undefined) return generalHelp(COMMANDS);
  if ('commands' in entry) return groupHelp(entry);
  const [file] = 'param' in entry.options ? operandsIn(entry, rest) : [];
  if (file === undefined) return commandHelp(path, entry);
  try {
    return commandHelp(path, entry, await paramRows(file));
  } catch (error) {
    if (!(error instanceof LeatError)) throw error;
    return `${commandHelp(path, entry)}\nThe parameters of the pipeline are not known. ${error.message}\n`;
  }
}

function ownVersion(): string {
  const own = createRequire(import.meta.url)('../package.json') as { readonly version: string };
  return own.version;
}

function refuse(sentence: string, code: number): number {
  complain(sentence);
  return code;
}
