import { startPostgres } from '../brokers/postgres.ts';
import type { Contender, Roles } from '../contender.ts';
import { LINES } from '../job/form.ts';
import { runRoles } from '../measure/processes.ts';
import { PG_BOSS_SETUP, pgBossRoles } from './pg-boss.ts';

export const roles: Roles = pgBossRoles(LINES);

/** pg-boss as somebody would use it who had read this bench. */
export const pgBossLines: Contender = {
  name: 'pg-boss, lines',
  about: `${PG_BOSS_SETUP}; a job's data are one string of lines`,
  run: (job, sampler) => runRoles('pg-boss-lines', 'apart', job, startPostgres, sampler),
};
