import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { provideThreads } from '../../../src/lib/runtime/threads.ts';

describe('threads for look-ups', () => {
  it('are enough for every name to hang, unless somebody has said how many', () => {
    const cases: [number, string | undefined, string | undefined][] = [
      [0, undefined, undefined],
      [2, undefined, '8'],
      [500, undefined, '128'],
      [2, '5', '5'],
    ];
    for (const [names, set, expected] of cases) {
      const environment = set === undefined ? {} : { UV_THREADPOOL_SIZE: set };
      provideThreads(names, environment);
      assert.equal((environment as NodeJS.ProcessEnv).UV_THREADPOOL_SIZE, expected);
    }
  });
});
