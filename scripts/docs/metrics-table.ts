import type { MetricRow } from '../../packages/host/src/metrics/metrics.ts';

/** The metrics as a table in Markdown, for `docs/metrics.md`. */
export function metricsTable(metrics: Readonly<Record<string, MetricRow>>): string {
  return [
    '| metric | type | labels | in | what |',
    '| --- | --- | --- | --- | --- |',
    ...Object.values(metrics).map(({ name, type, labels, roles, help }) => {
      const named = labels.map((label) => `\`${label}\``).join(', ') || '–';
      const where = roles.length === 3 ? 'all' : roles.join(', ');
      return `| \`${name}\` | ${type} | ${named} | ${where} | ${help}. |`;
    }),
    '',
  ].join('\n');
}
