import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ReadBarrier } from '../../../src/lib/core/read-barrier.ts';
import type { Waiter } from '../../../src/lib/core/write-concern.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** Readers by name, and the transcript of what they are told. */
class Room {
  readonly barrier = new ReadBarrier();
  readonly told: string[] = [];

  await(name: string, seq: number, deadline = NEVER): Waiter | null {
    return this.barrier.await(seq, deadline, 0, (end) => this.told.push(`${name} ${end}`));
  }
}

describe('ReadBarrier', () => {
  it('wakes readers when their seq is shown, not before', () => {
    const room = new Room();
    room.await('a', 2);
    room.await('b', 3);
    room.barrier.shows(1, 0);
    assert.deepEqual(room.told, []);
    room.barrier.shows(2, 0);
    room.barrier.shows(2, 0);
    assert.deepEqual(room.told, ['a holds']);
    room.barrier.shows(7, 0);
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
    room.barrier.shows(5, 0);
    room.await('a', 6);
    room.barrier.shows(3, 0);
    assert.deepEqual(room.told, ['a time-is-up']);
    room.await('a', 4);
    room.barrier.shows(4, 0);
    assert.deepEqual(room.told.slice(1), ['a holds']);
  });

  it('makes everybody look again when more has changed than that entries came', () => {
    const room = new Room();
    room.barrier.shows(5, 0);
    room.await('a', 7);
    room.barrier.shows(5, 1);
    room.barrier.shows(5, 1);
    assert.deepEqual(room.told, ['a time-is-up']);
    room.await('b', 7);
    room.barrier.shows(6, 2);
    room.await('c', 7);
    room.barrier.shows(7, 2);
    assert.deepEqual(room.told.slice(1), ['b time-is-up', 'c holds']);
  });

  it('forgets who has left', () => {
    const room = new Room();
    room.barrier.cancel(room.await('a', 1) as Waiter);
    room.barrier.shows(1, 0);
    assert.deepEqual(room.told, []);
  });

  it('ends every wait when the node stops, and begins none after', () => {
    const room = new Room();
    room.await('a', 1);
    room.barrier.stop();
    assert.deepEqual(room.told, ['a stopping']);
    assert.equal(room.await('b', 1), null);
    room.barrier.shows(1, 0);
    assert.deepEqual(room.told, ['a stopping']);
  });
});
