/** A few cases of every property, in each run of the tests; `make fuzz` runs many more. */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { describe, it } from 'node:test';
import { casesOf, PROPERTIES } from './all.ts';

const RUNS = 2000;

describe('every endpoint, with generated inputs', () => {
  const seed = Number(process.env.SEED || randomInt(2 ** 31));
  for (const property of PROPERTIES) {
    const count = casesOf(property, RUNS);
    it(`holds against ${count} ${property.name}`, async () => {
      await property.run({ count, seed }).catch((error: Error) => {
        error.message += `\nreplay: make fuzz SEED=${seed} RUNS=${RUNS} ONLY='${property.name}'`;
        throw error;
      });
    });
  }

  it('is 100,000 cases in `make fuzz`', () => {
    const cases = PROPERTIES.reduce((sum, property) => sum + casesOf(property, 100_000), 0);
    assert(Math.abs(cases - 100_000) <= PROPERTIES.length, `${cases}`);
  });
});
