import { once } from 'node:events';
import { lastRole, type Role, type Roles } from './contender.ts';
import type { Job } from './job/job.ts';

/** What a host process is started with. */
interface Task {
  readonly contender: string;
  readonly roles: readonly (keyof Roles)[];
  readonly job: Job;
  readonly broker: string;
}

/** Hosts roles of a contender in this process: says when they are ready, starts them when told to. */
async function host({ contender, roles, job, broker }: Task): Promise<void> {
  const module = (await import(`./contenders/${contender}.js`)) as { readonly roles: Roles };
  const ready: { readonly role: string; readonly work: Awaited<ReturnType<Role>> }[] = [];
  const last = lastRole(module.roles);
  for (const role of roles) {
    const start = module.roles[role];
    if (start === undefined) throw new Error(`${contender} has no ${role}`);
    ready.push({ role, work: await start(job, broker) });
  }
  const go = once(process, 'message');
  say('ready');
  await go;
  const all = ready.map(async ({ role, work }) => {
    await work();
    if (role === last) say('saved');
  });
  await Promise.all(all);
}

function say(word: string): void {
  process.send?.({ word, at: Date.now() });
}

await host(JSON.parse(process.argv[2] ?? '') as Task);
