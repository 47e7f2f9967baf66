/** Virtual time: a queue of events in order of time. Events of the same instant run in the order of their planning. */

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class Clock {
  now = 0;
  /** How many events have happened. */
  events = 0;
  #orders = 0;
  /** A binary heap, the next event first. */
  readonly #heap: Event[] = [];

  /** Calls `run` after `delayMs`. */
  after(delayMs: number, run: () => void): void {
    this.#orders += 1;
    this.#push({ at: this.now + delayMs, order: this.#orders, run });
  }

  /** Runs all events that are due by `until`, and calls `check` after each. */
  runUntil(until: number, check: () => void): void {
    for (let next = this.#heap[0]; next !== undefined && next.at <= until; next = this.#heap[0]) {
      this.#pop();
      this.now = next.at;
      this.events += 1;
      next.run();
      check();
    }
    this.now = until;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let index = heap.push(event) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(event, heap[parent] as Event)) break;
      heap[index] = heap[parent] as Event;
      index = parent;
    }
    heap[index] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Event;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) {
        child += 1;
      }
      if (!isBefore(heap[child] as Event, last)) break;
      heap[index] = heap[child] as Event;
      index = child;
    }
    heap[index] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
