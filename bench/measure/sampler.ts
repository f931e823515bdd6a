import { readdirSync, readFileSync } from 'node:fs';
import type { Span } from '../job/job.ts';

const SAMPLE_MS = 50;
/** The unit of time in /proc, on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4_096;
const MIB = 1024 * 1024;

/** What the processes of a role had used at some moment. */
interface Sample {
  readonly at: number;
  readonly cpuSeconds: number;
  readonly residentMib: number;
}

/** What the processes of a role used during a job. */
export interface Usage {
  readonly cpuSeconds: number;
  readonly peakMib: number;
  /** Memory when a quarter, a half, three quarters and all of the time was over. */
  readonly quartersMib: readonly number[];
}

/**
 * Looks at processes twenty times a second, as the system sees them: nothing in them has to help. Where
 * there is no /proc (macOS), it sees nothing, and tables have no such columns.
 */
export class Sampler {
  readonly #roots: { readonly role: string; readonly pid: number }[] = [];
  readonly #samples = new Map<string, Sample[]>();
  #timer: NodeJS.Timeout | undefined;

  /** Watches a process and its descendants; those of one role are added up. */
  watch(role: string, pid: number): void {
    this.#roots.push({ role, pid });
    this.#timer ??= setInterval(() => this.sample(), SAMPLE_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  sample(): void {
    const at = Date.now();
    const sums = new Map<string, { cpuSeconds: number; residentMib: number }>();
    for (const { role, pid } of this.#roots) add(sums, role, pid, true);
    for (const [role, { cpuSeconds, residentMib }] of sums) {
      let samples = this.#samples.get(role);
      if (samples === undefined) this.#samples.set(role, (samples = []));
      // The time of processes that have ended since is not forgotten.
      const before = samples.at(-1)?.cpuSeconds ?? 0;
      samples.push({ at, cpuSeconds: Math.max(before, cpuSeconds), residentMib });
    }
  }

  /** What each role used in a span of time. */
  usage(span: Span): Readonly<Record<string, Usage>> {
    return Object.fromEntries(
      [...this.#samples].map(([role, samples]) => {
        const within = samples.filter(({ at }) => at >= span.from && at <= span.until);
        const cpuSeconds = cpuAt(samples, span.until) - cpuAt(samples, span.from);
        const quartersMib = [0.25, 0.5, 0.75, 1].map(
          (share) => within[Math.ceil(share * within.length) - 1]?.residentMib ?? Number.NaN,
        );
        const peakMib = Math.max(0, ...within.map(({ residentMib }) => residentMib));
        return [role, { cpuSeconds, peakMib, quartersMib }];
      }),
    );
  }
}

/** Between two samples, on the straight line from one to the other. */
function cpuAt(samples: readonly Sample[], at: number): number {
  const next = samples.findIndex((sample) => sample.at >= at);
  const after = samples.at(next) as Sample;
  if (next <= 0) return after.cpuSeconds;
  const before = samples[next - 1] as Sample;
  const share = (at - before.at) / (after.at - before.at);
  return before.cpuSeconds + share * (after.cpuSeconds - before.cpuSeconds);
}

function add(
  sums: Map<string, { cpuSeconds: number; residentMib: number }>,
  role: string,
  pid: number,
  isRoot: boolean,
): void {
  let text: string;
  let children: number[];
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'latin1')
        .split(' ')
        .filter(Boolean)
        .map(Number),
    );
  } catch {
    return;
  }
  const nameEnd = text.lastIndexOf(')');
  const name = text.slice(text.indexOf('(') + 1, nameEnd);
  const own = name.startsWith('nats-server') && !isRoot ? 'broker' : role;
  const field = text
    .slice(nameEnd + 2)
    .split(' ')
    .map(Number);
  // utime, stime, and those of the children that have ended: see proc(5), less the two fields before.
  const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + (field[at] ?? 0), 0);
  const sum = sums.get(own) ?? { cpuSeconds: 0, residentMib: 0 };
  sum.cpuSeconds += ticks / TICKS_PER_SECOND;
  sum.residentMib += ((field[21] ?? 0) * PAGE_BYTES) / MIB;
  sums.set(own, sum);
  for (const child of children) add(sums, own, child, false);
}
