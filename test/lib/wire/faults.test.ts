import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FAULT_DELAY_MS_MAX, parseFaults } from '../../../src/lib/wire/faults.ts';

/** The problem with which a body is refused: its name and detail. */
function refused(problem: string, detail: RegExp): object {
  return { name: 'Error', problem, message: detail };
}

describe('parseFaults', () => {
  for (const body of [
    {},
    { delayMs: 0 },
    { delayMs: FAULT_DELAY_MS_MAX },
    { errorRate: 0.5 },
    { delayMs: 10, errorRate: 0, errorAfterApplyRate: 1 },
  ]) {
    it(`takes ${JSON.stringify(body)}`, () => assert.deepEqual(parseFaults(body), body));
  }

  const bad: [body: unknown, detail: RegExp][] = [
    [{ delayMs: 1.5 }, /'delayMs' must be an integer from 0 to 2147483647/],
    [{ delayMs: -1 }, /'delayMs' must be an integer/],
    [{ delayMs: FAULT_DELAY_MS_MAX + 1 }, /'delayMs' must be an integer/],
    [{ delayMs: '5' }, /'delayMs' must be an integer/],
    [{ errorRate: 1.1 }, /'errorRate' must be a number from 0 to 1/],
    [{ errorAfterApplyRate: null }, /'errorAfterApplyRate' must be a number from 0 to 1/],
    [{ delay: 5 }, /unknown field 'delay'/],
    [[], /not a list/],
  ];
  for (const [body, detail] of bad) {
    it(`refuses ${JSON.stringify(body)}`, () => {
      assert.throws(() => parseFaults(body), refused('bad-request', detail));
    });
  }
});
