export type { SaverServiceOptions } from './saver.ts';
export { runSaver } from './saver.ts';
