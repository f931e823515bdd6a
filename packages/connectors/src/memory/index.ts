export { generate } from './generate.ts';
export { memoryStores } from './memory-stores.ts';
export type { RecordsInput } from './records.ts';
export { records } from './records.ts';
