import { relative } from 'node:path';
import type { NewProject } from './new-project.ts';

/**
 * What to type after a project was written.
 *
 * @param agent the value of `npm_config_user_agent`, by which a package manager names itself
 */
export function nextSteps(project: NewProject, agent: string | undefined): string {
  const manager = /^(pnpm|yarn|bun)\b/.exec(agent ?? '')?.[1] ?? 'npm';
  const folder = relative(process.cwd(), project.folder);
  const run = manager === 'npm' ? 'npm run' : manager;
  const steps = [
    ...(folder === '' ? [] : [`cd ${folder}`]),
    `${manager} install`,
    `${run} dev      # runs the pipeline: no server is needed beforehand`,
    `${manager} test         # runs the test of the pipeline`,
  ];
  return `The project ${project.name} is written. Next:\n\n${steps.map((step) => `  ${step}\n`).join('')}`;
}
