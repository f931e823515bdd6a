export { generate } from './generate.ts';
export type { RecordsInput } from './records.ts';
export { records } from './records.ts';
