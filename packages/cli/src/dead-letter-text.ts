import type { DeadLetter, DeadLetterGroup } from '@leat/operate';

/** The least that is shown of an error, however narrow the terminal. */
const MIN_ERROR_WIDTH = 20;

/** A dead letter in one line, its error cut to what is left of the line. */
export function deadLetterLine(letter: DeadLetter, width: number): string {
  const { run, stage, chunk, index, position, error } = letter;
  const before = plain(`${run}  ${stage}  ${chunk}  ${index}  ${position}  `);
  return fitted(before, plain(`${error.name}: ${error.message}`), width);
}

/** A group of dead letters in one line: how many, in which stage, and the first: its chunk, index and error. */
export function deadLetterGroupLine(group: DeadLetterGroup, width: number): string {
  const { run, stage, records, first } = group;
  const { chunk, index } = first;
  const before = plain(`${run}  ${stage}  ${records.toLocaleString('en')}  ${chunk}  ${index}  `);
  return fitted(before, plain(`${first.error.name}: ${first.error.message}`), width);
}

function fitted(before: string, error: string, width: number): string {
  const room = Math.max(MIN_ERROR_WIDTH, width - before.length);
  return before + (error.length <= room ? error : `${error.slice(0, room - 1)}…`);
}

/** All that is known of a dead letter. */
export function deadLetterText(letter: DeadLetter): string {
  const { error, record, isCut } = letter;
  const rows: readonly (readonly [string, string])[] = [
    ['run', `${letter.run} of ${letter.pipeline}`],
    ['stage', letter.stage],
    ...(letter.branch === undefined ? [] : [['branch', letter.branch] as const]),
    ['chunk', letter.chunk],
    ['index', String(letter.index)],
    ['position', letter.position],
    ['attempts', letter.attempts.toLocaleString('en')],
    ['at', letter.at],
    ['error', `${error.name}: ${error.message}`],
    ...causesOf(error).map((cause) => ['cause', `${cause.name}: ${cause.message}`] as const),
  ];
  const lines = rows.map(([name, text]) => `${name.padEnd(11)} ${plain(text)}`);
  if (error.stack !== undefined) {
    lines.push('stack', ...error.stack.split('\n').map((line) => `  ${plain(line)}`));
  }
  lines.push(isCut === true ? 'record (only its beginning)' : 'record', plain(record));
  return `${lines.join('\n')}\n`;
}

/** What caused an error, and what caused that. */
function causesOf({ cause }: DeadLetter['error']): DeadLetter['error'][] {
  return cause === undefined ? [] : [cause, ...causesOf(cause)];
}

/** On one line, and without what would command a terminal: it comes from records, or from the bucket. */
export function plain(text: string): string {
  return text.replaceAll(/\s*[\n\t]\s*/g, ' ').replaceAll(/\p{Cc}/gu, '\u{FFFD}');
}
