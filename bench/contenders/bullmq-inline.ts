import { redisMissing, startRedis } from '../brokers/redis.ts';
import type { Contender, Roles } from '../contender.ts';
import { LINES } from '../job/form.ts';
import { runRoles } from '../measure/processes.ts';
import { BULLMQ_SETUP, bullmqInlineRoles } from './bullmq.ts';

export const roles: Roles = bullmqInlineRoles(LINES);

/** BullMQ with what makes Leat quick: no second queue, and no record taken apart but in the mapper. */
export const bullmqInline: Contender = {
  name: 'bullmq, lines, inline',
  about: `${BULLMQ_SETUP}; a job's data are one string of lines, and its worker saves what it has mapped`,
  missing: redisMissing,
  run: (job, sampler) => runRoles('bullmq-inline', 'inline', job, startRedis, sampler),
};
