export type { SaverServiceOptions } from './saver.ts';
export { openInlineSaver, runSaver, SaverService } from './saver.ts';
