import type { Finding, Mended, Severity } from '@leat/operate';

/** One line for a finding: how bad, its code, what was found, what follows from it, what to do. */
export function findingLine({ severity, code, subject, found, ...rest }: Finding): string {
  const mends = rest.mend === undefined ? '' : ' (--fix does it)';
  const words = `${subject}: ${found}. ${rest.consequence} Remedy: ${rest.remedy}${mends}`;
  return `${severity.padEnd(8)} ${code.padEnd(24)} ${words}\n`;
}

/** One line for a mend. */
export function mendedLine({ finding: { code, subject, found }, refusal }: Mended): string {
  const outcome = refusal === undefined ? 'mended' : 'refused';
  const reason = refusal === undefined ? '' : ` (${refusal})`;
  return `${outcome.padEnd(8)} ${code.padEnd(24)} ${subject}: ${found}${reason}\n`;
}

/** `1 error, 2 warnings, 1 note.` */
export function summaryLine(findings: readonly Finding[]): string {
  const counts = (['error', 'warning', 'note'] as const satisfies readonly Severity[]).flatMap(
    (severity) => {
      const count = findings.filter((finding) => finding.severity === severity).length;
      return count === 0 ? [] : [`${count} ${severity}${count === 1 ? '' : 's'}`];
    },
  );
  return counts.length === 0 ? 'Nothing was found.\n' : `${counts.join(', ')}.\n`;
}
