/** Characters that no shell gives a meaning in the midst of a word. */
const PLAIN = /^[\w%+=:,./@-]+$/;

/** A text as one word of a command that is typed into a POSIX shell. */
export function shellWord(text: string): string {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
