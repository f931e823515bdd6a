const MAX_LINES = 50;
const MAX_LENGTH = 2_000;

/** The last lines of an output without end, for the error message if there is going to be one. */
export class LineTail {
  #lines: string[] = [];

  add(line: string): void {
    if (line.trim() === '') return;
    this.#lines.push(line.slice(0, MAX_LENGTH));
    if (this.#lines.length > MAX_LINES) this.#lines.shift();
  }

  /** What the server complained of: its errors if it logged any, else the last thing it said. */
  complaint(): string {
    const errors = this.#lines.filter((line) => /\[(?:FTL|ERR)\]/.test(line));
    const lines = errors.length > 0 ? errors.slice(-3) : this.#lines.slice(-1);
    return lines.map(withoutPrefix).join('; ');
  }
}

/** Cuts off `[pid] date time [LVL] ` of nats-server's log lines. */
export function withoutPrefix(line: string): string {
  return line.replace(/^\[\d+\] \S+ \S+ \[\w{3}\] /, '').trim();
}
