import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LINGER, lingersUntil } from '../../../../src/lib/core/replication/linger.ts';
import { Stage, type StageOptions } from '../stage.ts';

const { awaitedMs, unawaitedMs } = LINGER;

describe('lingersUntil', () => {
  for (const [inFlight, isAwaited, expected] of [
    [0, true, 100],
    [1, true, 100 + awaitedMs],
    [8, true, 100 + awaitedMs],
    [0, false, 100 + unawaitedMs],
    [1, false, 100 + unawaitedMs],
  ] as const) {
    it(`is ${expected} with ${inFlight} in flight, ${isAwaited ? '' : 'not '}awaited`, () => {
      assert.equal(lingersUntil(LINGER, 100, inFlight, isAwaited), expected);
    });
  }
});

describe('Master: frames that linger', () => {
  /** A secondary that has acked one message, sent at 0. */
  const begun = (more: Partial<StageOptions> = { linger: LINGER }) => {
    const stage = new Stage({ names: ['s1'], frameBytesMax: 12, ...more }).allUp();
    stage.now = 1000;
    stage.append('a');
    stage.did('open s1#1', 'send s1 1..1');
    stage.ack('s1', 1);
    return stage;
  };

  it('are sent at once after a quiet time', () => {
    const stage = begun();
    stage.now = 1000 + unawaitedMs;
    stage.append('b');
    stage.did('send s1 2..2');
  });

  it('go together while nobody waits for them', () => {
    const stage = begun();
    stage.append('b');
    stage.append('c');
    stage.did();
    assert.equal(stage.master.nextWakeAt(), 1000 + unawaitedMs);
    stage.tick(1000 + unawaitedMs);
    stage.did('send s1 2..3');
  });

  it('do so by default', () => {
    const stage = begun({ linger: undefined } as unknown as StageOptions);
    stage.append('b');
    stage.did();
    assert.equal(stage.master.nextWakeAt(), 1000 + unawaitedMs);
  });

  it('go at once when a client waits and nothing is on its way', () => {
    const stage = begun();
    stage.append('b', { w: 2 });
    stage.did('send s1 2..2');
  });

  it('go with the ack of the one before when a client waits', () => {
    const stage = begun();
    stage.append('b', { w: 2, as: 'alice' });
    stage.append('c', { w: 2, as: 'bob' });
    stage.did('send s1 2..2');
    stage.ack('s1', 2);
    stage.did('alice holds', 'send s1 3..3');
  });

  it('or when that takes too long', () => {
    const stage = begun();
    stage.append('b', { w: 2 });
    stage.append('c', { w: 2 });
    stage.skip();
    assert.equal(stage.master.nextWakeAt(), 1000 + awaitedMs);
    stage.tick(1000 + awaitedMs);
    stage.did('send s1 3..3');
  });

  it('go at once when they are full', () => {
    const stage = begun();
    stage.append(['b', 'c', 'd', 'e']);
    stage.did('send s1 2..4');
    stage.tick(1000 + unawaitedMs);
    stage.did('send s1 5..5');
  });

  it('go as soon as somebody asks for what they carry', () => {
    const stage = begun();
    stage.append('b');
    stage.did();
    stage.await(2, 2);
    assert.equal(stage.master.nextWakeAt(), 1000);
    stage.tick(1000);
    stage.did('send s1 2..2');
  });

  it('are not hurried by clients who wait for what was sent already', () => {
    const stage = begun();
    stage.append('b', { w: 2 });
    stage.append('c');
    stage.ack('s1', 2);
    stage.did('send s1 2..2', 'client holds');
    assert.equal(stage.master.nextWakeAt(), 1000 + unawaitedMs);
  });
});
