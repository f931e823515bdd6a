import type { SettingRow } from '../../packages/cli/src/settings.ts';

/** The settings as a table in Markdown, for `docs/configuration.md`. */
export function settingsTable(settings: Readonly<Record<string, SettingRow>>): string {
  return [
    '| flag | variable | default | meaning |',
    '| --- | --- | --- | --- |',
    ...Object.values(settings).map(({ flag, variable, fallback, meaning }) =>
      rowOf([
        `\`--${flag}\``,
        `\`${variable}\``,
        fallback === undefined ? 'none' : `\`${fallback}\``,
        meaning,
      ]),
    ),
    '',
  ].join('\n');
}

function rowOf(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
