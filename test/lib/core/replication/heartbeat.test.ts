import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HeartbeatSchedule } from '../../../../src/lib/core/replication/heartbeat.ts';
import { PAUSE_MS } from '../../../../src/lib/core/replication/pause.ts';

const asked = (at: number) => ({ at, acked: 7, incarnations: 1 });
const newSchedule = () => new HeartbeatSchedule({ intervalMs: 1000, timeoutMs: 300 });
/** The first moment at which a miss is too late to be the peer's. */
const LATE_MS = 300 + PAUSE_MS + 1;

describe('HeartbeatSchedule', () => {
  it('asks the first question at once', () => assert.equal(newSchedule().nextAt, 0));

  it('asks nothing while a question is open', () => {
    const schedule = newSchedule();
    schedule.ask(asked(100));
    assert.equal(schedule.nextAt, Number.POSITIVE_INFINITY);
  });

  it('asks again one interval after the question, not after the answer', () => {
    const schedule = newSchedule();
    schedule.ask(asked(100));
    assert.deepEqual(schedule.answered(), asked(100));
    assert.equal(schedule.nextAt, 1100);
  });

  it('gives what was known once: there is no second answer to one question', () => {
    const schedule = newSchedule();
    assert.equal(schedule.answered(), null);
    schedule.ask(asked(0));
    schedule.answered();
    assert.equal(schedule.answered(), null);
  });

  it('counts a question without an answer as a miss, once', () => {
    const schedule = newSchedule();
    schedule.ask(asked(0));
    assert.equal(schedule.missed(300), true);
    assert.equal(schedule.missed(300), false);
    assert.equal(schedule.nextAt, 1000);
  });

  it('can be hastened, never delayed', () => {
    const schedule = newSchedule();
    schedule.ask(asked(0));
    schedule.answered();
    schedule.hasten(400);
    assert.equal(schedule.nextAt, 400);
    schedule.hasten(700);
    assert.equal(schedule.nextAt, 400);
  });

  it('still counts a miss that is noticed as late as a busy process may', () => {
    const schedule = newSchedule();
    schedule.ask(asked(5000));
    assert.equal(schedule.missed(5000 + LATE_MS - 1), true);
  });

  it('excuses a miss noticed later than that, and asks again at once', () => {
    const schedule = newSchedule();
    schedule.ask(asked(0));
    assert.equal(schedule.missed(LATE_MS), false);
    assert.equal(schedule.nextAt, LATE_MS);
  });

  it('excuses once: a second late miss in a row counts, and an answer makes it anew', () => {
    const schedule = newSchedule();
    const lateMiss = (at: number) => {
      schedule.ask(asked(at));
      return schedule.missed(at + LATE_MS);
    };
    assert.deepEqual([lateMiss(0), lateMiss(2000), lateMiss(4000)], [false, true, false]);
    schedule.ask(asked(6000));
    schedule.answered();
    assert.equal(lateMiss(8000), false);
  });
});
