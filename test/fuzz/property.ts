/**
 * A property and its part of all generated cases. `make fuzz` runs 100,000 cases over all of them,
 * `npm test` a few; a failure prints the seed, and the same seed generates the same cases.
 */
import fc from 'fast-check';

export interface Cases {
  readonly count: number;
  readonly seed: number;
}

export interface Property {
  readonly name: string;
  /** Its share of all cases, 0..1. */
  readonly share: number;
  readonly run: (cases: Cases) => Promise<void>;
}

type Check<Value> = (value: Value) => void | Promise<void>;

/** A property of functions in this process. */
export function pure<Value>(
  name: string,
  share: number,
  arbitrary: fc.Arbitrary<Value>,
  check: (value: Value) => void,
): Property {
  const run = async ({ count, seed }: Cases) => {
    fc.assert(
      fc.property(arbitrary, (value) => check(value)),
      { numRuns: count, seed, includeErrorInReport: true },
    );
  };
  return { name, share, run };
}

/** A property of processes: `start` returns `check` for one case, and `stop`, which ends them. */
export function processes<Value>(
  name: string,
  share: number,
  arbitrary: fc.Arbitrary<Value>,
  start: () => Promise<{ check: Check<Value>; stop: () => Promise<void> }>,
): Property {
  const run = async ({ count, seed }: Cases) => {
    const { check, stop } = await start();
    try {
      // Not shrunk, because the cases before may be part of the cause.
      await fc.assert(
        fc.asyncProperty(arbitrary, async (value) => check(value)),
        { numRuns: count, seed, endOnFailure: true, includeErrorInReport: true },
      );
    } finally {
      await stop();
    }
  };
  return { name, share, run };
}
