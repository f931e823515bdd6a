import { mayBeRedriven, type RunReport } from '@leat/core';

/** A run's report for people. */
export function reportText(report: RunReport): string {
  const { chunks, records } = report;
  const expanded = records.expanded > 0 ? ` + ${n(records.expanded)} expanded` : '';
  const isBalanced =
    records.in + records.expanded === records.saved + records.filtered + records.dead;
  const rows: readonly (readonly [string, string])[] = [
    ['run', `${report.run} of ${report.pipeline}`],
    ['state', report.reason === undefined ? report.state : `${report.state}: ${report.reason}`],
    ['time', timeOf(report)],
    [
      'chunks',
      `${n(chunks.saved)} saved, ${n(chunks.dead)} dead, ${n(chunks.inFlight)} in flight of ${n(chunks.total)}${chunks.isTotalKnown ? '' : ' so far'}`,
    ],
    [
      'records',
      `${n(records.in)} in${expanded} ${isBalanced ? '=' : 'but'} ${n(records.saved)} saved + ${n(records.filtered)} filtered + ${n(records.dead)} dead`,
    ],
    ['retries', n(report.retries)],
    ['duplicates', `${n(report.duplicatesIgnored)} ignored`],
    ['digest', report.digest],
    ...versionRows(report),
    ...report.troubles.map(({ stage, reason }) => ['trouble', `${stage}: ${reason}`] as const),
    ...hookRows(report),
    ...nextRows(report),
  ];
  return `${rows.map(([name, text]) => `${name.padEnd(11)} ${text}`).join('\n')}\n`;
}

/** What to type about dead letters, once the run has settled its whole dataset. */
function nextRows({ run, state, records }: RunReport): (readonly [string, string])[] {
  if (records.dead === 0 || !mayBeRedriven(state)) return [];
  return [
    ['next', `leat dead list ${run}      shows what failed, and why`],
    ['', `leat dead redrive ${run}   tries it again, once that is mended`],
  ];
}

/** Most runs see one version of the code, which says nothing. */
function versionRows({ versions }: RunReport): (readonly [string, string])[] {
  return Object.entries(versions)
    .filter(([, ofStage]) => ofStage.length > 1)
    .map(([stage, ofStage]) => [
      'code',
      `${stage} in ${ofStage.length} versions: ${ofStage.join(', ')}`,
    ]);
}

function hookRows({ hooks = [] }: RunReport): (readonly [string, string])[] {
  return hooks.map(({ name, attempts, error }) => {
    const times = attempts === 1 ? 'once' : `${attempts} times`;
    return [
      'hook',
      `${name} called ${times}${error === undefined ? '' : `, and failed: ${error}`}`,
    ];
  });
}

function timeOf({ startedAt, endedAt }: RunReport): string {
  if (startedAt === null) return 'not started';
  if (endedAt === null) return `since ${startedAt}`;
  const seconds = (Date.parse(endedAt) - Date.parse(startedAt)) / 1_000;
  return `${seconds.toFixed(1)} s, from ${startedAt} to ${endedAt}`;
}

function n(count: number): string {
  return count.toLocaleString('en');
}
