import { newProject, ProjectError } from './new-project.ts';
import { nextSteps } from './next-steps.ts';

const USAGE = `Usage: npm create leat@latest <folder>

Writes a new Leat project into the folder: a pipeline on a sample file, a test, an image and
manifests. The name of the folder is the name of the project.
`;

/**
 * The command `create-leat`, which `npm create leat` runs.
 *
 * @returns the exit code: 2 if nothing was written
 */
export async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(USAGE);
    return 0;
  }
  const [folder, ...more] = args;
  if (more.length > 0 || folder === '' || folder?.startsWith('-') === true) {
    process.stderr.write(
      `Expected one folder, and found ${JSON.stringify(args.join(' '))}.\n\n${USAGE}`,
    );
    return 2;
  }
  try {
    const project = await newProject(folder ?? 'my-pipeline');
    process.stdout.write(nextSteps(project, process.env['npm_config_user_agent']));
    return 0;
  } catch (error) {
    if (!(error instanceof ProjectError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
}
