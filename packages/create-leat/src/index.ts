export type { NewProject } from './new-project.ts';
export { newProject, ProjectError } from './new-project.ts';
export { nextSteps } from './next-steps.ts';
