/** A list kept in ascending order of one number of each item; equal items in order of arrival. */
/** Fewer than one of so many are searched for one by one. */
const ONE_BY_ONE_SHARE = 64;

export class SortedList<Item> {
  readonly #items: Item[] = [];
  readonly #orderOf: (item: Item) => number;

  constructor(orderOf: (item: Item) => number) {
    this.#orderOf = orderOf;
  }

  get size(): number {
    return this.#items.length;
  }

  /** The item with the smallest number. */
  get first(): Item | undefined {
    return this.#items[0];
  }

  /** The item with the largest number. */
  get last(): Item | undefined {
    return this.#items[this.#items.length - 1];
  }

  [Symbol.iterator](): Iterator<Item> {
    return this.#items[Symbol.iterator]();
  }

  /** Puts the item behind all that are not greater; at the end without a search where it can. */
  insert(item: Item): void {
    const { last } = this;
    if (last === undefined || this.#orderOf(last) <= this.#orderOf(item)) this.#items.push(item);
    else this.#items.splice(this.#countUpTo(this.#orderOf(item)), 0, item);
  }

  /** Takes out this very item, if it is here. */
  remove(item: Item): void {
    const end = this.#countUpTo(this.#orderOf(item));
    const index = this.#items.lastIndexOf(item, end - 1);
    if (index >= 0) this.#items.splice(index, 1);
  }

  /** Takes out all of these that are here; many at once in one go. */
  removeAll(items: readonly Item[]): void {
    if (items.length * ONE_BY_ONE_SHARE <= this.#items.length) {
      for (const item of items) this.remove(item);
      return;
    }
    const gone = new Set(items);
    let kept = 0;
    for (const item of this.#items) {
      if (gone.has(item)) continue;
      this.#items[kept] = item;
      kept += 1;
    }
    this.#items.length = kept;
  }

  /** Takes out every item whose number is at most `limit`, in order. */
  takeUpTo(limit: number): Item[] {
    const count = this.#countUpTo(limit);
    return count === 0 ? [] : this.#items.splice(0, count);
  }

  #countUpTo(limit: number): number {
    let low = 0;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#orderOf(this.#items[middle] as Item) <= limit) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
