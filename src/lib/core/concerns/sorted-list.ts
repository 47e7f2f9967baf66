/**
 * A list in ascending order of one number of each item; equal items are in order of arrival. In a long list,
 * removed items keep their place until they are an eighth of it, so that many removals, one after the
 * other, do not move all other items each time.
 */

/** If one item of so many is removed, or fewer, each is searched for alone. */
const ONE_BY_ONE_SHARE = 64;
/** A shorter list is compacted at every removal. */
const LONG_LENGTH = 256;
/** At most one of so many places belongs to a removed item. */
const GONE_SHARE = 8;

export class SortedList<Item> {
  #items: Item[] = [];
  /** Where the items begin; those before it were removed. */
  #start = 0;
  /** Removed items that still have a place behind it. */
  readonly #gone = new Set<Item>();
  readonly #orderOf: (item: Item) => number;
  readonly #arrivalOf: (item: Item) => number;

  /** @param arrivalOf does not fall from one item to the next: an item is found sooner among equal ones by it */
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

  /** Inserts the item behind all that are not greater; without a search if that is at the end. */
  insert(item: Item): void {
    if (this.#gone.has(item)) this.#compact();
    const { last } = this;
    if (last === undefined || this.#orderOf(last) <= this.#orderOf(item)) this.#items.push(item);
    else this.#items.splice(this.#countUpTo(this.#orderOf(item)), 0, item);
  }

  /** Removes this very item, if it is here. */
  remove(item: Item): void {
    const index = this.#indexOf(item);
    if (index < 0) return;
    if (this.#items.length < LONG_LENGTH) this.#items.splice(index, 1);
    else this.#gone.add(item);
    const gone = this.#items.length - this.size;
    if (gone * GONE_SHARE > this.#items.length) this.#compact();
  }

  /** Removes those of these items that are here; many of them in one pass. */
  removeAll(items: readonly Item[]): void {
    if (items.length * ONE_BY_ONE_SHARE <= this.#items.length) {
      for (const item of items) this.remove(item);
      return;
    }
    const gone = new Set(items);
    this.#compact();
    this.#items = this.#items.filter((item) => !gone.has(item));
  }

  /** Removes every item whose number is at most `limit`, and returns them in order. */
  takeUpTo(limit: number): Item[] {
    if (this.#countUpTo(limit) === this.#start) return [];
    this.#compact();
    return this.#items.splice(0, this.#countUpTo(limit));
  }

  /** Frees the places of removed items. */
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

  /** Binary search: where the items for which `isSuch` is true end, before `high`; they come before all others. */
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
