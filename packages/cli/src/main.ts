import { LeatError, messageOf } from '@leat/core';
import { NatsServerError } from '@leat/nats-server';
import { type Command, parseCall } from './command.ts';
import { cancelCommand, pauseCommand, resumeCommand } from './commands/control.ts';
import { deadCommand } from './commands/dead.ts';
import { devCommand } from './commands/dev.ts';
import { doctorCommand } from './commands/doctor.ts';
import { exportCommand } from './commands/export.ts';
import { fetcherCommand, mapperCommand, saverCommand } from './commands/service.ts';
import { permissionsCommand } from './commands/permissions.ts';
import { startCommand } from './commands/start.ts';
import { statusCommand } from './commands/status.ts';
import { verifyCommand } from './commands/verify.ts';
import { EXIT, exitCodeOfError } from './exit-code.ts';
import { commandHelp, generalHelp } from './help.ts';
import { complain, leave, print, settleOutput, watchOutput } from './output.ts';

const COMMANDS: readonly Command[] = [
  devCommand,
  startCommand,
  fetcherCommand,
  mapperCommand,
  saverCommand,
  statusCommand,
  pauseCommand,
  resumeCommand,
  cancelCommand,
  verifyCommand,
  exportCommand,
  deadCommand,
  doctorCommand,
  permissionsCommand,
];

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
  process.exit(await settleOutput(await run(args)));
}

async function run(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    await print(generalHelp(COMMANDS));
    return name === undefined ? EXIT.unusable : EXIT.ok;
  }
  const command = COMMANDS.find((each) => each.name === name);
  if (command === undefined) {
    const names = COMMANDS.map((each) => each.name).join(', ');
    return refuse(
      `There is no command ${JSON.stringify(name)}: use one of ${names}.`,
      EXIT.unusable,
    );
  }
  if (rest.includes('--help') || rest.includes('-h')) {
    await print(commandHelp(command));
    return EXIT.ok;
  }
  try {
    return await command.run(parseCall(command, rest, process.env));
  } catch (error) {
    if (error instanceof LeatError) return refuse(error.message, exitCodeOfError(error));
    if (error instanceof NatsServerError) return refuse(error.message, EXIT.unusable);
    const detail = process.env['LEAT_LOG_LEVEL'] === 'debug' ? (error as Error).stack : undefined;
    return refuse(
      `Something went wrong that Leat did not foresee: ${detail ?? messageOf(error)}`,
      EXIT.failed,
    );
  }
}

function refuse(sentence: string, code: number): number {
  complain(sentence);
  return code;
}
