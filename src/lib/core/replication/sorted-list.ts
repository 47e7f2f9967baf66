/**
 * A list kept in ascending order of one number of each item; equal items in order of arrival. What is taken
 * out of a long list stays in its place until an eighth of the list is gone, so that many who leave one by
 * one do not move all others each time.
 */

/** Fewer than one of so many are searched for one by one. */
const ONE_BY_ONE_SHARE = 64;
/** Shorter lists are moved together at once. */
const LONG_LENGTH = 256;
/** At most one of so many places of a list is of what was taken out. */
const GONE_SHARE = 8;

export class SortedList<Item> {
  #items: Item[] = [];
  /** Where the items begin; what is before was taken out. */
  #start = 0;
  /** What was taken out behind it. */
  readonly #gone = new Set<Item>();
  readonly #orderOf: (item: Item) => number;
  readonly #arrivalOf: (item: Item) => number;

  /** @param arrivalOf tells equal items apart, if those that come later have more of it: they are found sooner then */
  constructor(orderOf: (item: Item) => number, arrivalOf: (item: Item) => number = () => 0) {
    this.#orderOf = orderOf;
    this.#arrivalOf = arrivalOf;
  }

  get size(): number {
    return this.#items.length - this.#start - this.#gone.size;
  }

  /** The item with the smallest number. */
  get first(): Item | undefined {
    while (this.#gone.size > 0 && this.#gone.delete(this.#items[this.#start] as Item)) {
      this.#start += 1;
    }
    return this.#items[this.#start];
  }

  /** The item with the largest number. */
  get last(): Item | undefined {
    while (this.#gone.size > 0 && this.#gone.delete(this.#items[this.#items.length - 1] as Item)) {
      this.#items.pop();
    }
    return this.size === 0 ? undefined : this.#items[this.#items.length - 1];
  }

  [Symbol.iterator](): Iterator<Item> {
    this.#compact();
    return this.#items[Symbol.iterator]();
  }

  /** Puts the item behind all that are not greater; at the end without a search where it can. */
  insert(item: Item): void {
    if (this.#gone.has(item)) this.#compact();
    const { last } = this;
    if (last === undefined || this.#orderOf(last) <= this.#orderOf(item)) this.#items.push(item);
    else this.#items.splice(this.#countUpTo(this.#orderOf(item)), 0, item);
  }

  /** Takes out this very item, if it is here. */
  remove(item: Item): void {
    const index = this.#indexOf(item);
    if (index < 0) return;
    if (this.#items.length < LONG_LENGTH) this.#items.splice(index, 1);
    else this.#gone.add(item);
    const gone = this.#items.length - this.size;
    if (gone * GONE_SHARE > this.#items.length) this.#compact();
  }

  /** Takes out all of these that are here; many at once in one go. */
  removeAll(items: readonly Item[]): void {
    if (items.length * ONE_BY_ONE_SHARE <= this.#items.length) {
      for (const item of items) this.remove(item);
      return;
    }
    const gone = new Set(items);
    this.#compact();
    this.#items = this.#items.filter((item) => !gone.has(item));
  }

  /** Takes out every item whose number is at most `limit`, in order. */
  takeUpTo(limit: number): Item[] {
    if (this.#countUpTo(limit) === this.#start) return [];
    this.#compact();
    return this.#items.splice(0, this.#countUpTo(limit));
  }

  /** Moves together what is left. */
  #compact(): void {
    if (this.#start === 0 && this.#gone.size === 0) return;
    this.#items = this.#items.slice(this.#start).filter((item) => !this.#gone.has(item));
    this.#start = 0;
    this.#gone.clear();
  }

  #indexOf(item: Item): number {
    if (this.#gone.has(item)) return -1;
    const order = this.#orderOf(item);
    const arrival = this.#arrivalOf(item);
    const end = this.#countUpTo(order);
    const behind = this.#countWhile(
      (one) => this.#orderOf(one) < order || this.#arrivalOf(one) <= arrival,
      end,
    );
    if (this.#items[behind - 1] === item) return behind - 1;
    const index = this.#items.lastIndexOf(item, end - 1);
    return index < this.#start ? -1 : index;
  }

  /** Where the items end whose number is at most `limit`. */
  #countUpTo(limit: number): number {
    return this.#countWhile((item) => this.#orderOf(item) <= limit, this.#items.length);
  }

  /** Where in `start..high` the items end that are `such`, if all others come behind them. */
  #countWhile(isSuch: (item: Item) => boolean, high: number): number {
    let low = this.#start;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isSuch(this.#items[middle] as Item)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
