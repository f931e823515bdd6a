export type { MapperServiceOptions } from './mapper.ts';
export { runMapper } from './mapper.ts';
