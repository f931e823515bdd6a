import { type CodeMeaning } from '@leat/operate';

/** The codes of `leat doctor` as a table in Markdown, for `docs/doctor.md`. */
export function doctorTable(codes: Readonly<Record<string, CodeMeaning>>): string {
  return [
    '| code | severity | what | consequence | remedy | `--fix` |',
    '| --- | --- | --- | --- | --- | --- |',
    ...Object.entries(codes).map(([code, { severity, what, consequence, remedy, isMended }]) => {
      const cells = [`\`${code}\``, severity, what, consequence, remedy, isMended ? 'yes' : 'no'];
      return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
    }),
    '',
  ].join('\n');
}
