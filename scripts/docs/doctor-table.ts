import { type CodeMeaning } from '@leat/operate';

const MAX_LINE = 118;

/** The codes of `leat doctor` in Markdown, for `docs/doctor.md`: a heading for each, so that it can be linked to. */
export function doctorTable(codes: Readonly<Record<string, CodeMeaning>>): string {
  return Object.entries(codes)
    .map(([code, { severity, what, consequence, remedy, isMended }]) =>
      [
        `### ${code}`,
        wrapped(`*${severity}${isMended ? ', mended by `--fix`' : ''}*: ${what}`),
        wrapped(`**Consequence**: ${consequence}`),
        `${wrapped(`**Remedy**: ${remedy}`)}\n`,
      ].join('\n\n'),
    )
    .join('\n');
}

function wrapped(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line === undefined || line.length + word.length >= MAX_LINE) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines.join('\n');
}
