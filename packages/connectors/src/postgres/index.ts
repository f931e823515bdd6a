export type { PgliteOptions } from './pglite.ts';
export { pglite } from './pglite.ts';
export type { PostgresOptions } from './postgres.ts';
export { postgres } from './postgres.ts';
export type { PostgresStoresOptions } from './postgres-stores.ts';
export { postgresStores } from './postgres-stores.ts';
