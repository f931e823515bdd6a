/** From which streams this process takes messages at the moment: by this it is judged whether it is ready. */
export class PullHealth {
  readonly #streams = new Set<string>();

  /** Whether the last pull from a stream worked. */
  isPulling(stream: string): boolean {
    return this.#streams.has(stream);
  }

  /** A pull from a stream has begun. */
  works(stream: string): void {
    this.#streams.add(stream);
  }

  /** A pull from a stream has failed. */
  fails(stream: string): void {
    this.#streams.delete(stream);
  }
}
