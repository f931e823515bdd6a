export { SaverService, type SaverServiceOptions } from './saver-service.ts';
export { openInlineSaver, runSaver } from './saver.ts';
