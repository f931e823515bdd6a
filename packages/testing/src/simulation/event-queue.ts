/** Something that happens at a time. */
export interface Scheduled<T> {
  readonly at: number;
  /** Among events of the same time, the one that was scheduled first happens first. */
  readonly order: number;
  readonly value: T;
}

/** A binary heap: the earliest event first. */
export class EventQueue<T> {
  readonly #heap: Scheduled<T>[] = [];
  #order = 0;

  push(at: number, value: T): void {
    const heap = this.#heap;
    const event = { at, order: this.#order++, value };
    let place = heap.length;
    heap.push(event);
    while (place > 0) {
      const parentPlace = (place - 1) >> 1;
      const parent = heap[parentPlace];
      if (parent === undefined || !isBefore(event, parent)) break;
      heap[place] = parent;
      place = parentPlace;
    }
    heap[place] = event;
  }

  /** The next event, unless it is later than that. */
  popUntil(at: number): Scheduled<T> | undefined {
    const heap = this.#heap;
    const [first] = heap;
    if (first === undefined || first.at > at) return undefined;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let place = 0;
    for (;;) {
      let childPlace = place * 2 + 1;
      let child = heap[childPlace];
      if (child === undefined) break;
      const right = heap[childPlace + 1];
      if (right !== undefined && isBefore(right, child)) {
        child = right;
        childPlace++;
      }
      if (!isBefore(child, last)) break;
      heap[place] = child;
      place = childPlace;
    }
    heap[place] = last;
    return first;
  }
}

function isBefore<T>(a: Scheduled<T>, b: Scheduled<T>): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
