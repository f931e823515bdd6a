import { redisMissing, startRedis } from '../brokers/redis.ts';
import type { Contender, Roles } from '../contender.ts';
import { LINES } from '../job/form.ts';
import { runRoles } from '../measure/processes.ts';
import { BULLMQ_SETUP, bullmqRoles } from './bullmq.ts';

export const roles: Roles = bullmqRoles(LINES);

/** BullMQ as somebody would use it who had read this bench. */
export const bullmqLines: Contender = {
  name: 'bullmq, lines',
  about: `${BULLMQ_SETUP}; a job's data are one string of lines`,
  missing: redisMissing,
  run: (job, sampler) => runRoles('bullmq-lines', 'apart', job, startRedis, sampler),
};
