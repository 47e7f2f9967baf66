import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  ReadBarrier,
  type ReadConcern,
  shownTo,
} from '../../../../src/lib/core/concerns/read-barrier.ts';
import type { Waiter } from '../../../../src/lib/core/concerns/write-concern.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** Readers by name, and the transcript of what they are told. */
class Room {
  readonly barrier = new ReadBarrier();
  readonly told: string[] = [];

  await(
    name: string,
    seq: number,
    deadline = NEVER,
    concern: ReadConcern = 'local',
  ): Waiter | null {
    const onEnd = (end: string) => this.told.push(`${name} ${end}`);
    return this.barrier.await(seq, concern, deadline, 0, onEnd);
  }

  shows(length: number, revision = 0, committed = 0): void {
    this.barrier.shows({ length, committed }, revision);
  }
}

describe('ReadBarrier', () => {
  it('wakes readers when their seq is shown, not before', () => {
    const room = new Room();
    room.await('a', 2);
    room.await('b', 3);
    room.shows(1);
    assert.deepEqual(room.told, []);
    room.shows(2);
    room.shows(2);
    assert.deepEqual(room.told, ['a holds']);
    room.shows(7);
    assert.deepEqual(room.told, ['a holds', 'b holds']);
  });

  it('wakes them when their time is up', () => {
    const room = new Room();
    room.await('a', 2, 100);
    assert.equal(room.barrier.nextDeadline, 100);
    room.barrier.expire(99);
    room.barrier.expire(100);
    assert.deepEqual([room.told, room.barrier.nextDeadline], [['a time-is-up'], NEVER]);
  });

  it('makes everybody look again when the log became shorter', () => {
    const room = new Room();
    room.shows(5);
    room.await('a', 6);
    room.shows(3);
    assert.deepEqual(room.told, ['a time-is-up']);
    room.await('a', 4);
    room.shows(4);
    assert.deepEqual(room.told.slice(1), ['a holds']);
  });

  it('makes everybody look again when more has changed than that entries came', () => {
    const room = new Room();
    room.shows(5);
    room.await('a', 7);
    room.shows(5, 1);
    room.shows(5, 1);
    assert.deepEqual(room.told, ['a time-is-up']);
    room.await('b', 7);
    room.shows(6, 2);
    room.await('c', 7);
    room.shows(7, 2);
    assert.deepEqual(room.told.slice(1), ['b time-is-up', 'c holds']);
  });

  it('wakes readers of what is committed when that has come so far', () => {
    const room = new Room();
    room.await('a', 2, NEVER, 'majority');
    room.await('b', 2);
    room.shows(3);
    assert.deepEqual(room.told, ['b holds']);
    room.shows(3, 0, 1);
    room.await('c', 1, NEVER, 'majority');
    room.shows(3, 0, 2);
    assert.deepEqual(room.told.slice(1), ['c holds', 'a holds']);
    room.barrier.cancel(room.await('d', 3, NEVER, 'majority') as Waiter);
    // What is committed and not shown yet is not shown.
    room.await('e', 4, NEVER, 'majority');
    room.shows(3, 0, 9);
    room.shows(4, 0, 9);
    assert.deepEqual(room.told.slice(3), ['e holds']);
  });

  it('tells how much a reader is shown', () => {
    assert.equal(shownTo({ length: 3, committed: 2 }, 'local'), 3);
    assert.equal(shownTo({ length: 3, committed: 2 }, 'majority'), 2);
    assert.equal(shownTo({ length: 1, committed: 2 }, 'majority'), 1);
  });

  it('forgets who has left', () => {
    const room = new Room();
    room.barrier.cancel(room.await('a', 1) as Waiter);
    room.shows(1);
    assert.deepEqual(room.told, []);
  });

  it('ends every wait when the node stops, and begins none after', () => {
    const room = new Room();
    room.await('a', 1);
    room.barrier.stop();
    assert.deepEqual(room.told, ['a stopping']);
    assert.equal(room.await('b', 1), null);
    room.shows(1);
    assert.deepEqual(room.told, ['a stopping']);
  });
});
