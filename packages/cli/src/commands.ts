import { completionCommand } from './commands/completion.ts';
import { cancelCommand, pauseCommand, resumeCommand } from './commands/control.ts';
import { deadCommands } from './commands/dead.ts';
import { devCommand } from './commands/dev.ts';
import { doctorCommand } from './commands/doctor.ts';
import { exportCommand } from './commands/export.ts';
import { graphCommand } from './commands/graph.ts';
import { initCommand } from './commands/init.ts';
import { fetcherCommand, mapperCommand, saverCommand } from './commands/service.ts';
import { permissionsCommand } from './commands/permissions.ts';
import { startCommand } from './commands/start.ts';
import { statusCommand } from './commands/status.ts';
import { verifyCommand } from './commands/verify.ts';
import type { Entry } from './find-command.ts';

const OTHERS: readonly Entry[] = [
  initCommand,
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
  deadCommands,
  doctorCommand,
  graphCommand,
  permissionsCommand,
];

/** Everything that may stand behind `leat`, in the order of the help. */
export const COMMANDS: readonly Entry[] = [...OTHERS, completionCommand(OTHERS)];
