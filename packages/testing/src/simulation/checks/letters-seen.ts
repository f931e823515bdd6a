import { parseExecutions } from '@leat/core';

/** The dead letters that were stored at any time, and which of them count. */
export class LettersSeen {
  /** By letter, as `stage record`: the executions that have written it. */
  readonly #letters = new Map<string, Set<string>>();
  readonly #confirmed = new Set<string>();

  /** Takes a letter, as it is stored. */
  add(json: string): void {
    const letter = JSON.parse(json) as { stage: string; record: string; execution?: string };
    const text = `${letter.stage} ${letter.record}`;
    const executions = this.#letters.get(text) ?? new Set();
    executions.add(letter.execution ?? '');
    this.#letters.set(text, executions);
  }

  /** Takes a word on which executions' letters count, as it is stored. */
  confirm(text: string): void {
    for (const execution of parseExecutions(text) ?? []) this.#confirmed.add(execution);
  }

  has(letter: string): boolean {
    return this.#letters.has(letter);
  }

  /** Whether one of the executions that have written a letter counts. */
  counts(letter: string): boolean {
    const executions = this.#letters.get(letter) ?? [];
    return [...executions].some((each) => this.#confirmed.has(each));
  }

  /** All letters. */
  get texts(): readonly string[] {
    return [...this.#letters.keys()];
  }
}
