const LINE_BREAK = /[\r\n]+$/;

/** Takes a row apart. It is without fault: the splitter has looked at every quote in it. */
export function fieldsOf(row: Buffer, delimiter: string): readonly string[] {
  // A line break within quotes has the closing one behind it, so that this is the row's own.
  const text = row.toString().replace(LINE_BREAK, '');
  if (!text.includes('"')) return text.split(delimiter);
  const fields: string[] = [];
  for (let at = 0; ; at++) {
    const end = text[at] === '"' ? endOfQuoted(text, at) : endOfPlain(text, at, delimiter);
    const field = text.slice(at, end);
    fields.push(text[at] === '"' ? field.slice(1, -1).replaceAll('""', '"') : field);
    if (end >= text.length) return fields;
    at = end;
  }
}

function endOfPlain(text: string, from: number, delimiter: string): number {
  const end = text.indexOf(delimiter, from);
  return end === -1 ? text.length : end;
}

/** The index behind the closing quote. */
function endOfQuoted(text: string, from: number): number {
  let end = text.indexOf('"', from + 1);
  while (text[end + 1] === '"') end = text.indexOf('"', end + 2);
  return end + 1;
}
