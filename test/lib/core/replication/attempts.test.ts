import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LogEvent } from '../../../../src/lib/core/refusal.ts';
import { Attempts, SILENT_STREAMS_MIN } from '../../../../src/lib/core/replication/attempts.ts';

function attempts(events: LogEvent[] = []): Attempts {
  const config = { backoffBaseMs: 100, backoffMaxMs: 250 };
  return new Attempts('s1', config, (event) => events.push(event));
}

describe('Attempts', () => {
  it('count failures and plan the next one, until something good is heard', () => {
    const tried = attempts();
    tried.failed('refused', 100, 20);
    tried.failed('reset', 200, 40);
    assert.deepEqual([tried.failures, tried.retryAt, tried.lastError], [2, 240, 'reset']);
    tried.reset();
    assert.deepEqual([tried.failures, tried.retryAt, tried.lastError], [0, 0, null]);
  });

  it('wait longer after each failure, up to the longest', () => {
    const tried = attempts();
    const delays = [0, 1, 2, 3].map(() => {
      const delayMs = tried.delayMs(0.5);
      tried.failed('refused', 0, delayMs);
      return delayMs;
    });
    assert.deepEqual(delays, [50, 100, 125, 125]);
  });

  it('log the first failure in a row as a warning', () => {
    const events: LogEvent[] = [];
    const tried = attempts(events);
    for (const delayMs of [1.2, 2, 3]) tried.failed('refused', 0, delayMs);
    assert.deepEqual(
      events.map(({ level }) => level),
      ['warn', 'debug', 'debug'],
    );
    const fields = { secondary: 's1', reason: 'refused', failures: 1, retryInMs: 1 };
    assert.deepEqual(events[0], { level: 'warn', event: 'replication-failed', fields });
  });

  it('name a likely cause when streams stay silent one after the other, and log it once', () => {
    const events: LogEvent[] = [];
    const tried = attempts(events);
    const reasons = Array.from({ length: SILENT_STREAMS_MIN + 1 }, () => tried.silent('no ack'));
    const [first, ...others] = reasons;
    assert.equal(first, 'no ack');
    for (const reason of others) assert.match(reason, /^no ack, again, .*proxy/);
    assert.equal(events.length, 1);
    tried.heard();
    assert.equal(tried.silent('no ack'), 'no ack', 'an ack has come in between');
  });
});
