import { formatReceipt, parseReceipt, type Receipt } from '@leat/core';

/** One line of a journal: the intent to commit a chunk by linking one certain file. */
export interface JournalEntry {
  readonly receipt: Receipt;
  /** Identity of the file to be linked, see `fileToken`. */
  readonly token: string;
}

/** One line: the receipt, a space, the token. It does not say how the chunk was divided: the last release reads it. */
export function formatJournalEntry({ receipt, token }: JournalEntry): string {
  const { division: _, ...known } = receipt;
  return `${formatReceipt(known)} ${token}\n`;
}

/**
 * The inverse of {@link formatJournalEntry}, without the line feed; `undefined` for a damaged line. Receipts
 * of the first version of Leat had no fence.
 */
export function parseJournalEntry(line: string): JournalEntry | undefined {
  const end = line.lastIndexOf(' ');
  if (end < 0) return undefined;
  const token = line.slice(end + 1);
  if (!/^\d+:\d+$/.test(token)) return undefined;
  const text = line.slice(0, end);
  const receipt = parseReceipt(text) ?? parseReceipt(`${text} 0`);
  return receipt === undefined ? undefined : { receipt, token };
}
