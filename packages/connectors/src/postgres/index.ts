export type { PgliteOptions } from './pglite.ts';
export { pglite } from './pglite.ts';
export type { PostgresOptions } from './postgres.ts';
export { postgres } from './postgres.ts';
