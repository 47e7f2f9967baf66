/** A secondary behind a slow link: what gets further is not silence, and what stands still is. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Stage } from './stage.ts';

/** A frame is on its way to s1 since 0, and nothing was heard of it. */
function sending(): Stage {
  const stage = new Stage({ names: ['s1'], heartbeatMs: 1000 }).allUp();
  stage.append('a frame of some megabytes');
  stage.did('open s1#1', 'send s1 1..1');
  return stage;
}

/** A heartbeat is asked at `now`, and answered: so many bytes have come. */
function says(stage: Stage, now: number, receivedBytes?: number): void {
  stage.tick(now);
  stage.beat('s1', 0, receivedBytes === undefined ? {} : { receivedBytes });
  stage.skip();
}

describe('Master: a frame on a slow link', () => {
  it('may take as long as the secondary says that it arrives', () => {
    const stage = sending();
    for (let second = 1; second <= 60; second += 1) says(stage, second * 1000, second * 500_000);
    assert.equal(stage.health('s1').failures, 0);
    stage.ack('s1', 1);
    assert.equal(stage.health('s1').length, 1);
  });

  it('may take as long as the connection takes what waits, and then as long again', () => {
    const stage = sending();
    for (let now = 100; now <= 22_000; now += 100) stage.advance('s1', now);
    stage.tick(43_900);
    stage.beat('s1', 0);
    assert.equal(stage.health('s1').failures, 0, 'what was taken may be in buffers on the way');
    stage.tick(44_000);
    assert.equal(stage.health('s1').lastError, 'no ack within 22000 ms');
  });

  it('is given up when nothing more arrives: no word of it, or the same number again', () => {
    for (const receivedBytes of [undefined, 0, 500_000]) {
      const stage = sending();
      says(stage, 1000, receivedBytes);
      for (let now = 2000; now < 10_000; now += 1000) says(stage, now, receivedBytes);
      const advancedAt = receivedBytes ? 1000 : 0;
      says(stage, advancedAt + 9_999, receivedBytes);
      assert.equal(stage.health('s1').failures, 0);
      stage.tick(advancedAt + 10_000);
      assert.equal(stage.health('s1').lastError, 'no ack within 10000 ms');
    }
  });

  it('is not aborted for a heartbeat that was late, while it arrives', () => {
    const dropped: boolean[] = [];
    for (const receivedBytes of [500_000, undefined]) {
      const stage = sending();
      stage.tick(1000);
      stage.miss('s1');
      assert.equal(stage.health('s1').status, 'Suspected');
      stage.skip();
      stage.tick(2000);
      stage.skip();
      stage.beat('s1', 0, receivedBytes === undefined ? {} : { receivedBytes });
      dropped.push(stage.done().includes('abort s1'));
    }
    assert.deepEqual(dropped, [false, true]);
  });

  it('is not what came when nothing was on its way', () => {
    const stage = new Stage({ names: ['s1'], heartbeatMs: 1000 }).allUp();
    says(stage, 1000, 500_000);
    stage.append('a');
    stage.did('open s1#1', 'send s1 1..1');
    says(stage, 2000, 500_000);
    stage.tick(11_000);
    assert.equal(stage.health('s1').lastError, 'no ack within 10000 ms');
  });

  it('is not what another incarnation has received, nor what a stream before took', () => {
    const stage = sending();
    says(stage, 1000, 500_000);
    says(stage, 2000, 500_000);
    stage.tick(3000);
    stage.beat('s1', 0, { bootId: 'another', receivedBytes: 400_000 });
    stage.skip();
    stage.advance('s1', 12_000, 1);
    stage.tick(13_000);
    assert.match(stage.health('s1').lastError ?? '', /no ack within 10000 ms/);
  });
});
