import { messageOf } from '@leat/core';
import type { Pipeline } from '@leat/sdk';
import type { Site } from '../site.ts';
import { diagnose } from './diagnose.ts';
import { examine } from './examine.ts';
import type { Finding } from './finding.ts';
import { mend } from './mend.ts';
import { checkMonitors, readMonitor } from './monitor.ts';
import type { Examination } from './seen.ts';

/** What is looked at, and how strictly. */
export interface DoctorOptions {
  /**
   * Only what belongs to this pipeline, and whether it is as the pipeline needs it.
   * @defaultValue all pipelines on the server
   */
  readonly pipeline?: Pipeline;
  /**
   * Whether a single server is judged as strictly as a cluster.
   * @defaultValue `false`
   */
  readonly isProduction?: boolean;
  /**
   * Monitoring endpoints of the servers, such as `http://127.0.0.1:8222`.
   * @defaultValue none
   */
  readonly monitors?: readonly string[];
  /**
   * Whether to mend what can be mended without losing anything.
   * @defaultValue `false`
   */
  readonly fix?: boolean;
}

/** A mend that was tried. */
export interface Mended {
  readonly finding: Finding;
  /** Why the server refused it, if it did. */
  readonly refusal?: string;
}

/** What a server is, what was mended on it, and what is left. */
export interface Diagnosis {
  readonly server: Examination['server'];
  readonly mended: readonly Mended[];
  readonly findings: readonly Finding[];
}

/**
 * Looks for what loses data or stalls on a server, and mends it if that is wanted.
 *
 * @throws LeatError `invalid-configuration` if a monitoring endpoint's address cannot be one
 */
export async function examineServer(site: Site, options: DoctorOptions): Promise<Diagnosis> {
  checkMonitors(options.monitors ?? []);
  const first = await look(site, options);
  if (options.fix !== true) return first;
  const mended: Mended[] = [];
  for (const finding of first.findings) {
    if (finding.mend === undefined) continue;
    const refusal = await mend(site.nats, finding.mend).then(() => undefined, messageOf);
    mended.push({ finding, ...(refusal !== undefined && { refusal }) });
  }
  return mended.length === 0 ? first : { ...(await look(site, options)), mended };
}

async function look(
  site: Site,
  { pipeline, isProduction = false, monitors = [] }: DoctorOptions,
): Promise<Diagnosis> {
  const spec = pipeline?.spec;
  const seen: Examination = {
    ...(await examine(site, spec?.name)),
    monitors: await Promise.all(monitors.map(readMonitor)),
  };
  const settings = { ...(spec && { spec }), settings: site.topology, isProduction };
  return { server: seen.server, mended: [], findings: diagnose(seen, settings) };
}
