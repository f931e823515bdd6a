import { type PipelineSpec, streamsOf, topologyOf, type Trouble } from '@leat/core';
import { DOCTOR_CODES } from '../doctor/codes.ts';
import { diagnose } from '../doctor/diagnose.ts';
import { glance } from '../doctor/examine.ts';
import type { Finding } from '../doctor/finding.ts';
import type { Site } from '../site.ts';

/** What of a pipeline's topology, or of the server, may keep its runs from going on, by what one sees from outside. */
export async function hindrancesOf(site: Site, spec: PipelineSpec): Promise<Trouble[]> {
  const { nats, topology: settings } = site;
  const topology = topologyOf(spec, settings);
  const streams = [...streamsOf(topology).map(({ stream }) => stream), topology.bodies];
  const seen = await glance(nats, streams);
  // What this user may not look at is not known.
  const unavailable = seen.unavailable.filter((each) => !isForbidden(each));
  const hidden = new Set(seen.unavailable.filter(isForbidden).map(({ name }) => name));
  const findings = diagnose({ ...seen, unavailable }, { spec, settings, isProduction: false });
  const at = new Date().toISOString();
  return findings
    .filter(
      ({ code, subject }) => DOCTOR_CODES[code].holdsUp === true && !isHidden(subject, hidden),
    )
    .map((finding) => ({ stage: stageOf(finding, spec), reason: sentenceOf(finding), at }));
}

function isForbidden({ reason }: { readonly reason: string }): boolean {
  return /permission/i.test(reason);
}

/** Whether a finding is only that a stream was not seen. */
function isHidden(subject: string, hidden: ReadonlySet<string>): boolean {
  return hidden.has(subject.replace(/^stream /, ''));
}

function sentenceOf({ subject, found, consequence, remedy }: Finding): string {
  return `${subject}: ${found}. ${consequence} ${remedy}`;
}

/** The stage that takes what stands in a stream; what no other stage takes is the fetcher's. */
function stageOf({ subject }: Finding, { stages }: PipelineSpec): string {
  const fetcher = stages.find(({ kind }) => kind === 'fetcher')?.name ?? '';
  const [, stage] = /leat_[^_ ]+_([^_ ]+)/.exec(subject) ?? [];
  return stages.find(({ name }) => name === stage)?.name ?? fetcher;
}
