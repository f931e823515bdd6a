import type { Job, Span } from './job/job.ts';
import type { Sampler } from './measure/sampler.ts';

/** Somebody who can do the job. */
export interface Contender {
  /** As it stands in tables. */
  readonly name: string;
  /** Library and version, how it is set up, and what that setting survives. */
  readonly about: string;
  /** Why it cannot run here, if it cannot. */
  readonly missing?: () => Promise<string | undefined>;
  /** Starts all that it needs, does the job once, and stops all of it. */
  readonly run: (job: Job, sampler: Sampler) => Promise<Span>;
}

/** Connects, and gives a function that works until the role has nothing more to do, or for ever. */
export type Role = (job: Job, broker: string) => Promise<() => Promise<void>>;

/** The programs that a contender consists of. The last of them ends when every chunk is saved. */
export interface Roles {
  readonly fetcher: Role;
  readonly mapper: Role;
  /** Without one, mappers save what they have mapped, and the fetcher hears of it. */
  readonly saver?: Role;
}

/** The role that ends when every chunk is saved. */
export function lastRole({ saver }: Pick<Roles, 'saver'>): keyof Roles {
  return saver === undefined ? 'fetcher' : 'saver';
}
