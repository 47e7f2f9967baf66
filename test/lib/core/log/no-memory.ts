/** A heap that has room for a few more arrays of numbers, and then for none. */

/** Calls `act` while only `left` more arrays of 64-bit numbers can be made. */
export function withoutMemory(act: () => void, left = 0): void {
  const { Float64Array: whole } = globalThis;
  let made = 0;
  globalThis.Float64Array = class extends whole {
    constructor(length: number) {
      if (made === left) throw new RangeError('Array buffer allocation failed');
      made += 1;
      super(length);
    }
  } as unknown as typeof whole;
  try {
    act();
  } finally {
    globalThis.Float64Array = whole;
  }
}
