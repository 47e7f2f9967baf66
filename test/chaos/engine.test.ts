import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { insist } from './engine.ts';

/** A command that fails `failures` times, and what it was for. */
function stubborn(failures: number) {
  let calls = 0;
  return {
    command: async () => {
      calls += 1;
      if (calls <= failures) throw new Error(`unable to freeze, ${calls}`);
    },
    calls: () => calls,
  };
}

const never = async () => false;

describe('commands to a container engine', () => {
  mock.method(console, 'error', () => {});

  it('are given once if they succeed', async () => {
    const { command, calls } = stubborn(0);
    await insist(command, never);
    assert.equal(calls(), 1);
  });

  it('are given again when they were refused', async () => {
    const { command, calls } = stubborn(2);
    await insist(command, never);
    assert.equal(calls(), 3);
  });

  it('are not given again when they had their effect though they failed', async () => {
    const { command, calls } = stubborn(10);
    await insist(command, async () => calls() === 2);
    assert.equal(calls(), 2);
  });

  it('reject with the last complaint when they never have an effect', async () => {
    const { command, calls } = stubborn(1000);
    await assert.rejects(insist(command, never, 150), (error: Error) => {
      assert.equal(error.message, `unable to freeze, ${calls()}`);
      return calls() > 1;
    });
  });
});
