import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { Alarm } from '../../../src/lib/runtime/alarm.ts';

/** An alarm with a virtual clock, and the times at which it rang. */
function onVirtualTime(test: (alarm: Alarm, pass: (ms: number) => void, rang: number[]) => void) {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    let now = 0;
    const rang: number[] = [];
    const alarm = new Alarm(
      () => now,
      () => rang.push(now),
    );
    const pass = (ms: number) => {
      now += ms;
      mock.timers.tick(ms);
    };
    test(alarm, pass, rang);
  } finally {
    mock.timers.reset();
  }
}

describe('Alarm', () => {
  it('rings once, when it is time', () => {
    onVirtualTime((alarm, pass, rang) => {
      alarm.setBy(10);
      pass(9);
      assert.deepEqual(rang, []);
      pass(1);
      pass(100);
      assert.deepEqual(rang, [10]);
    });
  });

  it('never rings early by a fraction of a millisecond', () => {
    onVirtualTime((alarm, pass, rang) => {
      alarm.setBy(10.5);
      pass(10);
      assert.deepEqual(rang, []);
      pass(1);
      assert.deepEqual(rang, [11]);
    });
  });

  it('can be set earlier, not later', () => {
    onVirtualTime((alarm, pass, rang) => {
      alarm.setBy(10);
      alarm.setBy(20);
      alarm.setBy(5);
      pass(5);
      pass(50);
      assert.deepEqual(rang, [5]);
    });
  });

  it('can be set anew when it has rung', () => {
    onVirtualTime((alarm, pass, rang) => {
      alarm.setBy(5);
      pass(5);
      alarm.setBy(20);
      pass(15);
      assert.deepEqual(rang, [5, 20]);
    });
  });

  it('rings at once for a moment in the past, and never for Infinity', () => {
    onVirtualTime((alarm, pass, rang) => {
      alarm.setBy(Number.POSITIVE_INFINITY);
      pass(100);
      assert.deepEqual(rang, []);
      alarm.setBy(3);
      pass(1);
      assert.deepEqual(rang, [101]);
    });
  });

  it('rings in between where a timer cannot count so far', () => {
    onVirtualTime((alarm, pass, rang) => {
      alarm.setBy(2 ** 40);
      pass(1);
      assert.deepEqual(rang, [], 'not at once, as node would');
      pass(2 ** 31 - 2);
      assert.deepEqual(rang, [2 ** 31 - 1]);
    });
  });

  it('that was cleared does not ring, until it is set anew', () => {
    onVirtualTime((alarm, pass, rang) => {
      alarm.setBy(5);
      alarm.clear();
      pass(10);
      assert.deepEqual(rang, []);
      alarm.setBy(20);
      pass(10);
      assert.deepEqual(rang, [20]);
    });
  });
});
