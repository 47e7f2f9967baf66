import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FLUSH_ON_STOP_MS_MAX } from '../../../src/lib/core/master.ts';
import {
  FRAME_MESSAGE_BYTES_MAX,
  FRAME_MESSAGES_MAX,
} from '../../../src/lib/core/replication/frame-end.ts';
import { LINGER } from '../../../src/lib/core/replication/linger.ts';
import {
  STREAM_IDLE_MS,
  WINDOW_FRAMES_MAX,
} from '../../../src/lib/core/replication/outgoing-stream.ts';
import { PAUSE_MS } from '../../../src/lib/core/replication/pause.ts';
import { messagesOf } from '../support.ts';
import { NEVER, Stage, type StageOptions } from './stage.ts';

describe('Master: an append', () => {
  it('at w=1 holds at once, and travels to every secondary', () => {
    const stage = new Stage().allUp();
    assert.equal(stage.append('a', { w: 1 }), 'seq 1 holds');
    stage.did('open s1#1', 'send s1 1..1', 'open s2#1', 'send s2 1..1');
  });

  it('at w=2 waits for the first secondary, whichever it is', () => {
    for (const fastest of ['s1', 's2']) {
      const stage = new Stage().allUp();
      assert.equal(stage.append('a', { w: 2, as: 'alice' }), 'seq 1 waits');
      stage.skip();
      stage.ack(fastest, 1);
      stage.did('alice holds');
    }
  });

  it('at w=all waits for every secondary', () => {
    const stage = new Stage().allUp();
    stage.append('a', { w: 'all', as: 'alice' });
    stage.skip();
    stage.ack('s1', 1);
    stage.did();
    stage.ack('s2', 1);
    stage.did('alice holds');
  });

  it('counts one node once, however often it acks', () => {
    const stage = new Stage({ heartbeatMs: 1000 }).allUp();
    stage.append('a', { w: 3, as: 'alice' });
    stage.ack('s1', 1);
    stage.round(1000, { s1: 1, s2: 0 });
    stage.round(2000, { s1: 1, s2: 0 });
    assert.equal(stage.master.waiting, 1);
    assert.deepEqual(stage.master.holders(1), { acked: ['master', 's1'], pending: ['s2'] });
  });

  it('does not wait for what others wait for', () => {
    const stage = new Stage().allUp();
    stage.append('a', { w: 3, as: 'alice' });
    stage.append('b', { w: 2, as: 'bob' });
    stage.skip();
    stage.ack('s1', 1);
    stage.ack('s1', 2);
    stage.did('send s1 2..2', 'bob holds');
    stage.ack('s2', 1);
    stage.did('alice holds', 'send s2 2..2');
  });

  it('of a batch takes consecutive seqs, and waits for the last of them', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    assert.equal(stage.append(['a', 'b', 'c'], { w: 2, as: 'alice' }), 'seq 1..3 waits');
    stage.did('open s1#1', 'send s1 1..3');
    assert.equal(stage.append('d'), 'seq 4 holds');
    assert.deepEqual(messagesOf(stage.master.log), ['a', 'b', 'c', 'd']);
    stage.ack('s1', 2);
    stage.did('send s1 3..4');
    stage.ack('s1', 4);
    stage.did('alice holds');
  });

  it('writes under the epoch of this incarnation', () => {
    const stage = new Stage({ names: ['s1'] });
    stage.tick(0);
    for (const _ of ['poll', 'prepare']) stage.beat('s1', 0, { logId: 'L', epoch: 6 });
    assert.deepEqual([stage.master.logId, stage.master.epoch, stage.master.nodes], ['L', 7, 2]);
    stage.append('a');
    assert.deepEqual(stage.master.log.epochs, [{ epoch: 7, writer: 'W', firstSeq: 1 }]);
  });

  it('on a cluster of one node holds at any w', () => {
    const stage = new Stage({ names: [] }).allUp();
    for (const w of [1, 'majority', 'all'] as const) {
      assert.match(stage.append('a', { w }), /^seq \d holds$/);
    }
    assert.equal(stage.master.status(), 'ok');
  });
});

describe('Master: a wait', () => {
  it('ends at its deadline; the message stays and travels on', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    stage.append('a', { w: 2, waitMs: 100, as: 'alice' });
    stage.skip();
    assert.equal(stage.master.nextWakeAt(), 100);
    stage.tick(99);
    stage.did();
    stage.tick(100);
    stage.did('alice time-is-up');
    stage.ack('s1', 1);
    assert.deepEqual(stage.master.holders(1), { acked: ['master', 's1'], pending: [] });
  });

  it('of no length ends with the append, and does not count as waiting', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    assert.equal(stage.append('a', { w: 2, waitMs: 0 }), 'seq 1 time-is-up');
    assert.equal(stage.master.waiting, 0);
  });

  it('ends unheard when the client leaves; the message stays', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    stage.append('a', { w: 2, as: 'alice' });
    stage.skip();
    stage.leave('alice');
    assert.equal(stage.master.waiting, 0);
    stage.ack('s1', 1);
    stage.did();
    assert.equal(stage.master.log.length, 1);
  });

  it('may be for any past message, by any client', () => {
    const stage = new Stage({ waitingMax: 1 }).allUp();
    stage.append(['a', 'b']);
    stage.ack('s1', 2);
    stage.skip();
    assert.equal(stage.await(1, 2), 'seq 1 holds');
    assert.equal(stage.await(1, 3, { waitMs: 0 }), 'seq 1 time-is-up');
    assert.equal(stage.await(2, 4), 'refused {"problem":"w-exceeds-cluster","n":3}');
    assert.equal(stage.await(2, 'all', { as: 'bob' }), 'seq 2 waits');
    assert.equal(stage.await(2, 'all'), 'refused {"problem":"overloaded","limit":1}');
    stage.ack('s2', 2);
    stage.did('bob holds');
  });
});

describe('Master: a refused append', () => {
  interface Case {
    readonly why: string;
    readonly options?: StageOptions;
    readonly before?: (stage: Stage) => void;
    readonly append: Parameters<Stage['append']>;
    readonly answer: object;
  }
  const table: Case[] = [
    {
      why: 'asks for more nodes than there are',
      append: ['x', { w: 4 }],
      answer: { problem: 'w-exceeds-cluster', n: 3 },
    },
    {
      why: 'finds no quorum',
      options: { heartbeatMs: 1000 },
      before: (stage) => [1, 2, 3].forEach((round) => void stage.round(round * 1000, {})),
      append: ['x'],
      answer: { problem: 'read-only', required: 2, available: 1, missing: ['s1', 's2'] },
    },
    {
      why: 'would wait where too many wait',
      options: { waitingMax: 1 },
      before: (stage) => void stage.append('b', { w: 2 }),
      append: ['x', { w: 2 }],
      answer: { problem: 'overloaded', limit: 1 },
    },
    {
      why: 'would make the log too large',
      options: { logBytesMax: 48 },
      append: ['12345'],
      answer: { problem: 'log-full', limit: 48, used: 37 },
    },
    {
      why: 'would make the log too large by its key',
      options: { logBytesMax: 37 + 8 + 28 },
      append: ['a', { key: 'l' }],
      answer: { problem: 'log-full', limit: 73, used: 37 },
    },
    {
      why: 'comes when the node stops',
      before: (stage) => stage.master.stop(0, 5000),
      append: ['x'],
      answer: { problem: 'shutting-down' },
    },
    {
      why: 'uses the key of another message',
      append: ['x', { key: 'k' }],
      answer: { problem: 'idempotency-key-reused', seq: 1 },
    },
    {
      why: 'uses the key of a message for a batch that begins with it',
      append: [['a', 'a'], { key: 'k' }],
      answer: { problem: 'idempotency-key-reused', seq: 1 },
    },
  ];
  for (const { why, options = {}, before, append, answer } of table) {
    it(`changes nothing when it ${why}`, () => {
      const stage = new Stage(options).allUp();
      stage.append('a', { key: 'k' });
      before?.(stage);
      stage.skip();
      const state = () => [messagesOf(stage.master.log), stage.master.keys.within(1, 9)];
      const [stateBefore, waitingBefore] = [state(), stage.master.waiting];
      assert.equal(stage.append(...append), `refused ${JSON.stringify(answer)}`);
      assert.deepEqual(state(), stateBefore);
      assert.equal(stage.master.waiting, waitingBefore);
      stage.did();
    });
  }

  it('is not one that fills the log exactly', () => {
    const stage = new Stage({ logBytesMax: 12 + 41 }).allUp();
    assert.equal(stage.append('12345'), 'seq 1 holds');
    assert.equal(stage.append('12345', { key: 'k' }), 'seq 2 holds');
    assert.match(stage.append(''), /log-full/);
  });

  it('is not one that need not wait, where too many wait', () => {
    const stage = new Stage({ waitingMax: 0 }).allUp();
    assert.equal(stage.append('a', { w: 1 }), 'seq 1 holds');
    assert.equal(stage.append('b', { w: 2, waitMs: 0 }), 'seq 2 time-is-up');
  });

  it('for want of a quorum needs `quorumAppend`', () => {
    const stage = new Stage({ quorumAppend: false }).noneUp();
    assert.equal(stage.append('a'), 'seq 1 holds');
    assert.equal(stage.master.writeRefusal(), null);
  });
});

describe('Master: a repeated append', () => {
  it('gets the same seq, joins the unfinished first attempt, and appends nothing', () => {
    const stage = new Stage().allUp();
    stage.append('a', { w: 2, key: 'k', as: 'alice' });
    stage.skip();
    assert.equal(stage.append('a', { w: 2, key: 'k', as: 'again' }), 'seq 1 waits, a duplicate');
    stage.did();
    assert.equal(stage.master.log.length, 1);
    stage.ack('s1', 1);
    stage.did('alice holds', 'again holds');
    assert.equal(stage.append('a', { w: 2, key: 'k' }), 'seq 1 holds, a duplicate');
  });

  it('waits for its own write concern', () => {
    const stage = new Stage().allUp();
    stage.append('a', { w: 3, key: 'k' });
    assert.equal(stage.append('a', { w: 1, key: 'k' }), 'seq 1 holds, a duplicate');
    assert.equal(stage.append('a', { w: 3, key: 'k', waitMs: 0 }), 'seq 1 time-is-up, a duplicate');
  });

  it('may be a batch', () => {
    const stage = new Stage().allUp();
    stage.append(['a', 'b'], { key: 'k' });
    assert.equal(stage.append(['a', 'b'], { key: 'k' }), 'seq 1..2 holds, a duplicate');
    assert.match(stage.append(['a', 'c'], { key: 'k' }), /idempotency-key-reused/);
  });

  it('is answered while nothing may be appended, for it appends nothing', () => {
    const stage = new Stage({ logBytesMax: 37 }).allUp();
    stage.append('a', { key: 'k' });
    stage.master.stop(0, 5000);
    assert.equal(stage.append('a', { key: 'k' }), 'seq 1 holds, a duplicate');
  });

  it('is refused when it would wait where too many wait', () => {
    const stage = new Stage({ waitingMax: 1 }).allUp();
    stage.append('a', { w: 2, key: 'k' });
    assert.match(stage.append('a', { w: 2, key: 'k' }), /overloaded/);
  });

  it('needs a key: equal texts without one are different messages', () => {
    const stage = new Stage().allUp();
    assert.deepEqual([stage.append('a'), stage.append('a')], ['seq 1 holds', 'seq 2 holds']);
  });
});

describe('Master: pushing frames', () => {
  it('sends one frame until the first ack of a stream, then what came meanwhile as one', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    for (const text of ['a', 'b', 'c']) stage.append(text);
    stage.did('open s1#1', 'send s1 1..1');
    stage.ack('s1', 1);
    stage.did('send s1 2..3');
  });

  it(`has at most ${WINDOW_FRAMES_MAX} frames without an ack`, () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    stage.append('a');
    stage.ack('s1', 1);
    stage.skip();
    for (let seq = 2; seq <= WINDOW_FRAMES_MAX + 3; seq += 1) stage.append('x');
    const sent = Array.from({ length: WINDOW_FRAMES_MAX }, (_, i) => `send s1 ${i + 2}..${i + 2}`);
    stage.did(...sent);
    stage.ack('s1', 2);
    stage.did(`send s1 ${WINDOW_FRAMES_MAX + 2}..${WINDOW_FRAMES_MAX + 3}`);
  });

  it('ends a frame before it has too many bytes; a larger message travels alone', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    const half = 'x'.repeat(FRAME_MESSAGE_BYTES_MAX / 2 - 3);
    stage.append([half, half, half, 'y'.repeat(FRAME_MESSAGE_BYTES_MAX), 'z']);
    stage.did('open s1#1', 'send s1 1..2');
    stage.ack('s1', 2);
    stage.did('send s1 3..3', 'send s1 4..4', 'send s1 5..5');
  });

  it('ends a frame before it has too many messages', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    stage.append(Array<string>(FRAME_MESSAGES_MAX + 1).fill(''));
    stage.did('open s1#1', `send s1 1..${FRAME_MESSAGES_MAX}`);
  });

  it('has smaller frames where it is told so', () => {
    const stage = new Stage({ names: ['s1'], frameBytesMax: 9 }).allUp();
    stage.append(['a', 'b', 'c']);
    stage.did('open s1#1', 'send s1 1..2');
  });

  it('closes a stream that was idle for long, and opens another for the next append', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    stage.append('a');
    stage.now = 200;
    stage.ack('s1', 1);
    stage.skip();
    assert.equal(stage.master.nextWakeAt(), 200 + STREAM_IDLE_MS);
    stage.tick(199 + STREAM_IDLE_MS);
    stage.did();
    stage.tick(200 + STREAM_IDLE_MS);
    stage.did('close s1');
    assert.equal(stage.health('s1').failures, 0);
    stage.append('b');
    stage.did('open s1#2', 'send s1 2..2');
  });

  it('takes the first ack of a stream as news of where the secondary is: further', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    for (const text of ['a', 'b', 'c', 'd']) stage.append(text);
    stage.skip();
    stage.ack('s1', 3);
    stage.did('send s1 4..4');
  });

  it('or less far', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    stage.append(['a', 'b', 'c']);
    stage.ack('s1', 3);
    stage.fail('s1');
    stage.skip();
    stage.now = 1000;
    stage.append('d');
    stage.did('open s1#2', 'send s1 4..4');
    stage.ack('s1', 1);
    stage.did('send s1 2..4');
    assert.equal(stage.health('s1').length, 1);
    assert.equal(stage.health('s1').failures, 1, 'no frame has landed yet');
    stage.ack('s1', 4);
    assert.equal(stage.health('s1').failures, 0);
  });

  it('takes a first ack that tells nothing new, and falls short, as no answer', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    stage.append('a');
    stage.skip();
    stage.ack('s1', 0);
    stage.did('abort s1');
    assert.equal(stage.health('s1').lastError, 'ack of length 0 for a frame up to 1');
  });

  it('accepts an ack of what a heartbeat has shown to be there already', () => {
    const stage = new Stage({ names: ['s1'], heartbeatMs: 1000 }).allUp();
    stage.append('a');
    stage.round(1000, { s1: 1 });
    stage.skip();
    stage.ack('s1', 1);
    stage.append('b');
    stage.did('send s1 2..2');
    assert.equal(stage.health('s1').failures, 0);
  });

  it('ignores what an old stream still says', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    stage.append('a');
    stage.fail('s1');
    stage.tick(25);
    stage.skip();
    stage.ack('s1', 1, { stream: 1 });
    stage.fail('s1', 1);
    stage.did();
    const { length, failures } = stage.health('s1');
    assert.deepEqual({ length, failures }, { length: 0, failures: 1 });
  });
});

describe('Master: an ack that is no good', () => {
  const inFlight = 'one frame, up to seq 2, in flight';
  const table: [why: string, ack: Parameters<Stage['ack']>, error: string][] = [
    ['of another log', ['s1', 2, { logId: 'M' }], 'an ack for another log'],
    ['of a lower epoch', ['s1', 2, { epoch: 0 }], 'an ack for epoch 0, not 1'],
    ['beyond the log', ['s1', 3], 'it says it has 3 messages of a log of 2'],
    ['short of its frame', ['s1', 1], 'ack of length 1 for a frame up to 2'],
  ];
  for (const [why, ack, error] of table) {
    it(`${why} ends the stream, with ${inFlight}, and is retried with backoff`, () => {
      const stage = new Stage({ names: ['s1'] }).allUp();
      stage.append('a');
      stage.ack('s1', 1);
      stage.append('b', { w: 2, as: 'alice' });
      stage.skip();
      stage.ack(...ack);
      stage.did('abort s1');
      const { length, failures, nextAttemptInMs, lastError } = stage.health('s1');
      assert.deepEqual([length, failures, nextAttemptInMs, lastError], [1, 1, 25, error]);
      assert.deepEqual(stage.events(), ['replication-failed']);
      stage.tick(25);
      stage.did('ask s1', 'open s1#2', 'send s1 2..2');
      stage.ack('s1', 2);
      stage.did('alice holds');
      assert.deepEqual([stage.health('s1').failures, stage.health('s1').lastError], [0, null]);
    });
  }

  it('without a frame ends the stream', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    stage.append('a');
    stage.ack('s1', 1);
    stage.skip();
    stage.ack('s1', 1);
    stage.did('abort s1');
    assert.equal(stage.health('s1').lastError, 'an ack without a frame');
    assert.equal(stage.health('s1').nextAttemptInMs, null, 'there is nothing to send');
  });
});

describe('Master: no answer', () => {
  it('is retried at the moment the backoff says, which is when it wants to be woken', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    stage.append('a');
    stage.now = 100;
    stage.fail('s1');
    stage.tick(100);
    stage.did('open s1#1', 'send s1 1..1', 'abort s1', 'ask s1');
    assert.equal(stage.master.nextWakeAt(), 125);
    stage.tick(124);
    stage.did();
    stage.tick(125);
    stage.did('open s1#2', 'send s1 1..1');
  });

  it('backs off exponentially to the cap, for ever; only the first failure warns', () => {
    const stage = new Stage({ names: ['s1'], backoffMaxMs: 300 }).allUp();
    stage.append('a');
    const delays = [1, 2, 3, 4, 5, 6].map(() => {
      stage.fail('s1');
      const { nextAttemptInMs } = stage.health('s1');
      stage.tick(stage.now + (nextAttemptInMs as number));
      return nextAttemptInMs;
    });
    assert.deepEqual(delays, [25, 50, 100, 150, 150, 150]);
    const levels = stage.logEvents.map(({ level }) => level);
    assert.deepEqual(levels, ['warn', 'debug', 'debug', 'debug', 'debug', 'debug']);
  });

  it('is retried at once where the draw says so', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    stage.append('a');
    stage.skip();
    stage.random = 0;
    stage.ack('s1', 0);
    stage.did('abort s1', 'open s1#2', 'send s1 1..1');
  });

  it('hastens the heartbeat of a secondary that seemed healthy: is it gone?', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    stage.append('a');
    stage.now = 5;
    stage.fail('s1');
    stage.skip();
    assert.equal(stage.master.nextWakeAt(), 5);
    stage.tick(5);
    stage.did('ask s1');
  });

  it('hastens it once, not after every failure in a row', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    stage.append('a');
    stage.fail('s1');
    stage.tick(25);
    stage.beat('s1', 0);
    stage.fail('s1');
    stage.skip();
    stage.tick(30);
    stage.did();
  });

  it('may be a lost ack, which the heartbeat repairs without sending anything again', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    stage.append('a', { w: 2, as: 'alice' });
    stage.fail('s1');
    stage.tick(1);
    stage.skip();
    stage.beat('s1', 1);
    stage.did('alice holds');
    stage.tick(1000);
    stage.did();
    const { failures, nextAttemptInMs, lastError } = stage.health('s1');
    assert.deepEqual([failures, nextAttemptInMs, lastError], [0, null, null]);
  });

  it('is what silence becomes when the oldest frame has waited for too long', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    stage.append('a');
    stage.skip();
    assert.equal(stage.master.nextWakeAt(), 10_000);
    stage.tick(9_999);
    stage.did();
    stage.tick(10_000);
    stage.did('abort s1');
    assert.equal(stage.health('s1').lastError, 'no ack within 10000 ms');
    assert.equal(stage.health('s1').failures, 1);
  });

  it('is said to be a proxy, perhaps, when heartbeats are answered and frames never are', () => {
    const stage = new Stage({ names: ['s1'], heartbeatMs: 1000 }).allUp();
    const warnings = () => stage.events().filter((event) => event === 'frames-not-answered').length;
    /** Goes on until then; every heartbeat is answered, or none. */
    const goOn = (untilMs: number, length: number | null) => {
      while (stage.now < untilMs) {
        stage.tick(stage.now + 100);
        if (length === null) stage.miss('s1');
        else stage.beat('s1', length);
      }
      return stage.health('s1').lastError;
    };
    stage.append('a');
    assert.equal(goOn(10_100, 0), 'no ack within 10000 ms', 'once may be a slow disk');
    assert.equal(warnings(), 0);
    const told = /no ack within 10000 ms, again, .* does a proxy buffer request bodies\?/;
    assert.match(goOn(25_000, 0) ?? '', told);
    assert.match(goOn(60_000, 0) ?? '', told);
    assert.equal(warnings(), 1, 'once');

    stage.ack('s1', 1);
    assert.equal(stage.health('s1').lastError, null);
    stage.append('b');
    assert.equal(goOn(71_000, 1), 'no ack within 10000 ms', 'this stream has had an answer');
    assert.equal(goOn(82_000, 1), 'no ack within 10000 ms', 'and the next one is the first');
    assert.match(goOn(95_000, 1) ?? '', told);
    assert.equal(warnings(), 2);

    stage.ack('s1', 2);
    stage.append('c');
    goOn(150_000, null);
    assert.equal(warnings(), 2, 'a node that says nothing at all is no such case');
  });

  it('but every ack gives the next frame its full time', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    stage.append('a');
    stage.ack('s1', 1);
    stage.append('b');
    stage.append('c');
    stage.now = 9_000;
    stage.ack('s1', 2);
    assert.equal(stage.master.nextWakeAt(), 19_000);
  });

  it('also when the master notices it a little late', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    stage.append('a');
    stage.skip();
    stage.tick(10_000 + PAUSE_MS);
    stage.did('abort s1');
  });

  it('but once only: a master that is always late gives up all the same', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    stage.append('a');
    stage.skip();
    stage.tick(10_000 + PAUSE_MS + 1);
    stage.tick(2 * (10_000 + PAUSE_MS + 1));
    stage.did('abort s1');
  });

  it('and a pause of the master itself is not silence of the secondary', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    stage.append('a');
    stage.skip();
    stage.tick(10_000 + PAUSE_MS + 1);
    stage.did();
    assert.equal(stage.master.nextWakeAt(), 10_000 + PAUSE_MS + 1 + 10_000, 'its full time anew');
    stage.ack('s1', 1);
    assert.equal(stage.health('s1').failures, 0);
    stage.append('b');
    stage.skip();
    stage.tick(10_000 + PAUSE_MS + 1 + 10_000);
    stage.did('abort s1');
  });
});

describe('Master: a secondary that lost what it had', () => {
  /** s1 and s2 hold seq 1; s1 also seq 2, for which alice waits at w=3. */
  function twoHeld(): Stage {
    const stage = new Stage({ heartbeatMs: 1000 }).allUp();
    stage.append('a');
    stage.ack('s1', 1);
    stage.ack('s2', 1);
    stage.append('b', { w: 3, as: 'alice' });
    stage.ack('s1', 2);
    stage.skip();
    return stage;
  }

  it('is found by the heartbeat of its new incarnation, and sent everything anew at once', () => {
    const stage = twoHeld();
    stage.tick(1000);
    stage.skip();
    stage.beat('s1', 0, { bootId: 'restarted' });
    stage.did('abort s1', 'open s1#2', 'send s1 1..2');
    assert.deepEqual(stage.events(), ['secondary-restarted']);
    assert.equal(stage.health('s1').failures, 0);
  });

  it('is tried at once, though its backoff was not over: it is another incarnation', () => {
    const stage = twoHeld();
    stage.append('c');
    stage.now = 1000;
    stage.fail('s1');
    stage.tick(1000);
    stage.skip();
    stage.beat('s1', 1, { bootId: 'restarted' });
    stage.did('open s1#2', 'send s1 2..3');
    const { failures, lastSeenMsAgo } = stage.health('s1');
    assert.deepEqual([failures, lastSeenMsAgo], [1, 0], 'it has not acked yet');
  });

  it('does not count for those who wait until it has everything again', () => {
    const stage = twoHeld();
    stage.tick(1000);
    stage.beat('s1', 0, { bootId: 'restarted' });
    stage.skip();
    assert.deepEqual(stage.master.holders(1), { acked: ['master', 's2'], pending: ['s1'] });
    stage.ack('s2', 2);
    stage.did();
    stage.ack('s1', 2, { bootId: 'restarted' });
    stage.did('alice holds');
  });

  it('is found by an ack of its new incarnation, which the frames in flight do not fit', () => {
    const stage = twoHeld();
    stage.append('c');
    stage.skip();
    stage.ack('s1', 0, { bootId: 'restarted' });
    stage.did('abort s1');
    assert.deepEqual(stage.events(), ['secondary-restarted', 'replication-failed']);
    assert.equal(stage.health('s1').length, 0);
    stage.tick(25);
    stage.did('ask s1', 'open s1#2', 'send s1 1..3');
  });

  it('is found by the first ack of a stream, which then goes on from there', () => {
    const stage = twoHeld();
    stage.fail('s1');
    stage.append('c');
    stage.tick(25);
    stage.skip();
    stage.ack('s1', 1, { bootId: 'restarted' });
    stage.did('send s1 2..3');
    stage.ack('s1', 3, { bootId: 'restarted' });
    assert.equal(stage.health('s1').failures, 0);
  });

  it('in the same incarnation, is found by a heartbeat that shows less than it was known to have', () => {
    const stage = twoHeld();
    stage.tick(1000);
    stage.skip();
    stage.beat('s1', 1);
    stage.did('abort s1', 'open s1#2', 'send s1 2..2');
    assert.deepEqual(stage.events(), []);
  });

  it('is not one whose heartbeat was asked for before its ack', () => {
    const stage = twoHeld();
    stage.tick(1000);
    stage.append('c');
    stage.ack('s1', 3);
    stage.skip();
    stage.beat('s1', 2);
    stage.did();
    assert.equal(stage.health('s1').length, 3);
  });

  it('is not brought back to its old incarnation by an answer from before the new one', () => {
    const stage = twoHeld();
    stage.tick(1000);
    stage.fail('s1');
    stage.append('c');
    stage.tick(1025);
    stage.ack('s1', 0, { bootId: 'restarted' });
    stage.skip();
    stage.beat('s1', 2);
    stage.did();
    assert.equal(stage.health('s1').length, 0);
  });

  it('costs nothing where it had no stream open and there is nothing to send', () => {
    const stage = new Stage({ names: ['s1'], heartbeatMs: 1000 }).allUp();
    stage.tick(1000);
    stage.skip();
    stage.beat('s1', 0, { bootId: 'restarted' });
    stage.did();
  });
});

describe('Master: one node under two names', () => {
  /** A master that nobody has answered so far. */
  const nobodyKnown = () => new Stage({ quorumAppend: false, heartbeatMs: 1000 }).noneUp();

  it('counts under the name it was met by first; the other stays unavailable', () => {
    const stage = nobodyKnown();
    stage.tick(1000);
    stage.beat('s1', 0, { nodeId: 'n', bootId: 'same' });
    stage.beat('s2', 0, { nodeId: 'n', bootId: 'same' });
    const { status, lastError } = stage.health('s2');
    assert.deepEqual([status, lastError], ['Unhealthy', 'it is the same node as s1']);
    assert.equal(stage.master.quorum().available, 2);
  });

  it('loses the ack that it gives under the second name', () => {
    const stage = new Stage().allUp();
    stage.append('a', { w: 3, as: 'alice' });
    stage.ack('s1', 1, { bootId: 'same' });
    stage.ack('s2', 1, { bootId: 'same' });
    assert.deepEqual(stage.master.holders(1), { acked: ['master', 's1'], pending: ['s2'] });
    assert.equal(stage.master.waiting, 1);
    assert.equal(stage.health('s2').lastError, 'it is the same node as s1');
    assert.equal(stage.health('s2').nextAttemptInMs, 25, 'it is tried again, for it may change');
  });

  it('is known by an ack alone, of an incarnation that has answered no heartbeat by the second name', () => {
    const stage = nobodyKnown();
    stage.tick(1000);
    stage.beat('s1', 0, { bootId: 'same' });
    stage.beat('s2', 0);
    stage.append('a');
    stage.ack('s2', 1, { bootId: 'same' });
    assert.equal(stage.health('s2').lastError, 'it is the same node as s1');
    assert.deepEqual(stage.master.holders(1).acked, ['master']);
  });

  it('does not count again for an ack, whatever the second name called itself before', () => {
    const stage = new Stage().allUp();
    stage.append('a', { w: 3, as: 'alice' });
    stage.skip();
    stage.ack('s1', 1);
    stage.ack('s2', 1, { bootId: 's1-boot' });
    assert.deepEqual(stage.master.holders(1), { acked: ['master', 's1'], pending: ['s2'] });
    assert.equal(stage.master.waiting, 1);
  });

  it('is told from another node that chose the same bootId by their heartbeats', () => {
    const stage = nobodyKnown();
    stage.tick(1000);
    stage.beat('s1', 0, { nodeId: 'n1', bootId: 'same' });
    stage.beat('s2', 0, { nodeId: 'n2', bootId: 'same' });
    stage.append('a');
    stage.ack('s1', 1, { bootId: 'same' });
    stage.ack('s2', 1, { bootId: 'same' });
    assert.deepEqual(stage.master.holders(1).acked, ['master', 's1', 's2']);
  });

  /** s2 alone holds seq 1, and has a stream open. */
  function heldByTheSecond(): Stage {
    const stage = new Stage({ heartbeatMs: 1000 }).allUp();
    stage.append('a');
    stage.ack('s2', 1);
    assert.equal(stage.await(1, 2), 'seq 1 holds');
    return stage;
  }

  it('takes back, by a heartbeat, what counted while the second name led elsewhere', () => {
    const stage = heldByTheSecond();
    stage.tick(1000);
    stage.skip();
    stage.beat('s2', 0, { nodeId: 's1', bootId: 's1-boot' });
    stage.did('abort s2');
    assert.equal(stage.await(1, 2), 'seq 1 waits');
    assert.deepEqual(stage.master.holders(1), { acked: ['master'], pending: ['s1', 's2'] });
    assert.equal(stage.health('s2').status, 'Suspected');
  });

  it('takes it back by an ack as well', () => {
    const stage = new Stage().allUp();
    stage.append('a');
    stage.ack('s2', 1);
    stage.ack('s1', 0, { bootId: 'same' });
    stage.append('b');
    assert.equal(stage.await(1, 2), 'seq 1 holds');
    stage.ack('s2', 2, { bootId: 'same' });
    assert.equal(stage.await(1, 2), 'seq 1 waits');
    assert.deepEqual(stage.master.holders(1), { acked: ['master'], pending: ['s1', 's2'] });
  });

  it('is met again when the second name leads to a node of its own', () => {
    const stage = nobodyKnown();
    stage.tick(1000);
    for (const name of ['s1', 's2']) stage.beat(name, 0, { nodeId: 'n', bootId: 'same' });
    stage.tick(2000);
    stage.beat('s2', 0);
    assert.deepEqual([stage.health('s2').status, stage.health('s2').lastError], ['Healthy', null]);
  });

  it('is not what two nodes are that chose the same bootId, as heartbeats tell', () => {
    const stage = nobodyKnown();
    stage.tick(1000);
    for (const name of ['s1', 's2']) stage.beat(name, 0, { bootId: 'same' });
    stage.append('a', { w: 3, as: 'alice' });
    stage.skip();
    for (const name of ['s1', 's2']) stage.ack(name, 1, { bootId: 'same' });
    stage.did('alice holds');
  });
});

describe('Master: heartbeats', () => {
  it('are asked of everyone, one at a time, one every interval', () => {
    const stage = new Stage({ heartbeatMs: 1000 }).allUp();
    assert.equal(stage.master.nextWakeAt(), 1000);
    stage.tick(1000);
    stage.did('ask s1', 'ask s2');
    assert.equal(stage.master.nextWakeAt(), NEVER);
    stage.now = 1300;
    stage.beat('s1', 0);
    assert.equal(stage.master.nextWakeAt(), 2000);
    stage.tick(2000);
    stage.did('ask s1');
  });

  it('make a secondary Suspected, then Unhealthy, and one answer makes it Healthy', () => {
    const stage = new Stage({ names: ['s1'], heartbeatMs: 1000 }).allUp();
    const statuses: string[] = [];
    for (const beat of [{}, {}, {}, {}, { s1: 0 }]) {
      stage.round(stage.now + 1000, beat);
      statuses.push(stage.health('s1').status);
    }
    assert.deepEqual(statuses, ['Suspected', 'Suspected', 'Unhealthy', 'Unhealthy', 'Healthy']);
    assert.deepEqual(
      stage.logEvents.map(({ level, fields: { from, to, cluster } }) => ({
        level,
        from,
        to,
        cluster,
      })),
      [
        { level: 'warn', from: 'Healthy', to: 'Suspected', cluster: 'degraded' },
        { level: 'warn', from: 'Suspected', to: 'Unhealthy', cluster: 'read-only' },
        { level: 'info', from: 'Unhealthy', to: 'Healthy', cluster: 'ok' },
      ],
    );
  });

  it('decide who is available: Suspected is, Unhealthy is not', () => {
    const stage = new Stage({ heartbeatMs: 1000 }).allUp();
    const none = [{}, {}, {}];
    const seen = [...none, { s1: 0 }, ...none, { s1: 0, s2: 0 }].map((beats, index) => {
      stage.round((index + 1) * 1000, beats);
      return `${stage.master.status()} ${stage.master.quorum().available}`;
    });
    assert.deepEqual(seen, [
      'degraded 3',
      'degraded 3',
      'read-only 1',
      'degraded 2',
      'degraded 2',
      'degraded 2',
      'read-only 1',
      'ok 3',
    ]);
    assert.deepEqual(stage.master.quorum(), { required: 2, available: 3, nodes: 3 });
  });

  it('never make a master read-only that needs no quorum', () => {
    const stage = new Stage({ quorumAppend: false }).noneUp();
    assert.equal(stage.master.status(), 'degraded');
  });

  const strangers: [what: string, answer: Parameters<Stage['beat']>, error: string][] = [
    ['another log', ['s1', 1, { logId: 'M' }], 'log-mismatch: it holds another log'],
    ['no log, but messages', ['s1', 1, { logId: null }], 'log-mismatch: it holds another log'],
    [
      'another log, still empty',
      ['s1', 0, { logId: 'M', epoch: 1 }],
      'log-mismatch: it holds another log',
    ],
    ['no log, but an epoch', ['s1', 0, { epoch: 1 }], 'log-mismatch: it holds another log'],
    [
      'no log and no epoch, but messages',
      ['s1', 1, { logId: null, epoch: 0 }],
      'log-mismatch: it holds another log',
    ],
    ['more than the log has', ['s1', 9], 'it says it has 9 messages of a log of 1'],
  ];
  for (const [what, answer, error] of strangers) {
    it(`that tell of ${what} are misses`, () => {
      const stage = new Stage({ names: ['s1'], heartbeatMs: 1000 }).allUp();
      stage.append('a');
      stage.tick(1000);
      stage.beat(...answer);
      const { status, length, lastError } = stage.health('s1');
      assert.deepEqual([status, length, lastError], ['Suspected', 0, error]);
    });
  }

  it('that nobody asked for change nothing', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    stage.append('a');
    stage.skip();
    stage.beat('s1', 1);
    stage.miss('s1');
    stage.did();
    const { status, length, lastError } = stage.health('s1');
    assert.deepEqual([status, length, lastError], ['Healthy', 0, null]);
  });

  it("missed in the master's own pause are excused, and asked again at once", () => {
    const stage = new Stage({ names: ['s1'], heartbeatMs: 1000 }).allUp();
    stage.tick(1000);
    stage.now = 2000 + PAUSE_MS + 1;
    stage.miss('s1');
    assert.equal(stage.health('s1').status, 'Healthy');
    assert.equal(stage.master.nextWakeAt(), stage.now);
  });

  it('that bring a secondary back wake its retry at once, and begin the backoff anew', () => {
    const stage = new Stage({ names: ['s1'], heartbeatMs: 1000 }).allUp();
    stage.append('a');
    for (const now of [1000, 2000, 3000]) {
      stage.fail('s1');
      stage.round(now, {});
    }
    assert.equal(stage.health('s1').status, 'Unhealthy');
    stage.tick(4000);
    stage.fail('s1');
    stage.skip();
    assert.deepEqual([stage.health('s1').failures, stage.health('s1').nextAttemptInMs], [4, 200]);
    stage.beat('s1', 0);
    stage.did('open s1#5', 'send s1 1..1');
    assert.deepEqual([stage.health('s1').failures, stage.health('s1').lastError], [0, null]);
  });

  it('of a secondary that never seemed gone leave its backoff alone', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    stage.append('a');
    stage.fail('s1');
    stage.tick(1);
    stage.skip();
    stage.beat('s1', 0);
    stage.did();
    const { failures, nextAttemptInMs, lastError } = stage.health('s1');
    assert.deepEqual([failures, nextAttemptInMs, lastError], [1, 24, 'reset']);
  });

  it('begin anew a stream that may hang, for it was opened when nobody answered', () => {
    const options = { names: ['s1'], quorumAppend: false, heartbeatMs: 1000 };
    const stage = new Stage(options).allUp();
    for (const now of [1000, 2000, 3000]) stage.round(now, {});
    assert.equal(stage.health('s1').status, 'Unhealthy');
    stage.skip();
    stage.append('a');
    stage.tick(4000);
    stage.did('open s1#1', 'send s1 1..1', 'ask s1');
    stage.beat('s1', 0);
    stage.did('abort s1', 'open s1#2', 'send s1 1..1');
  });

  it('begin anew a stream without an ack so far, when one heartbeat was missed', () => {
    const stage = new Stage({ names: ['s1'], heartbeatMs: 1000 }).allUp();
    stage.append('a');
    stage.round(1000, {});
    stage.skip();
    stage.round(2000, { s1: 0 });
    stage.did('ask s1', 'abort s1', 'open s1#2', 'send s1 1..1');
  });

  it('leave a stream alone that has acked, when one heartbeat was missed', () => {
    const stage = new Stage({ names: ['s1'], heartbeatMs: 1000 }).allUp();
    stage.append('a');
    stage.ack('s1', 1);
    stage.append('b');
    stage.round(1000, {});
    stage.skip();
    stage.round(2000, { s1: 1 });
    stage.did('ask s1');
  });

  it('leave a stream alone that has nothing in flight, however long nobody answered', () => {
    const stage = new Stage({ names: ['s1'], heartbeatMs: 1000 }).allUp();
    stage.append('a');
    stage.ack('s1', 1);
    for (const now of [1000, 2000, 3000]) stage.round(now, {});
    assert.equal(stage.health('s1').status, 'Unhealthy');
    stage.skip();
    stage.round(4000, { s1: 1 });
    stage.did('ask s1');
  });
});

describe('Master: stopping', () => {
  it('keeps replicating for those who wait, and sends them away when the grace is over', () => {
    const stage = new Stage().allUp();
    stage.append('a', { w: 2, as: 'alice' });
    stage.append('b', { w: 3, as: 'bob' });
    stage.skip();
    stage.now = 100;
    stage.master.stop(100, 5000);
    stage.ack('s1', 1);
    stage.did('alice holds', 'send s1 2..2');
    assert.equal(stage.master.nextWakeAt(), 5100);
    stage.tick(5099);
    stage.did();
    stage.tick(5100);
    stage.did('bob stopping');
    assert.equal(stage.master.waiting, 0);
  });

  it('is not put off by being told twice', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    stage.append('a', { w: 2, as: 'alice' });
    stage.master.stop(0, 1000);
    stage.master.stop(500, 1000);
    assert.equal(stage.master.nextWakeAt(), 1000);
  });

  it('needs no wake-up where nobody waits', () => {
    const stage = new Stage({ names: [] }).allUp();
    stage.master.stop(0, 1000);
    assert.equal(stage.master.nextWakeAt(), NEVER);
  });
});

describe('Master: handing over what it has before it stops', () => {
  const stage = () => new Stage({ names: ['s1', 's2'], linger: LINGER }).allUp();
  /** Two messages, the second of which lingers. */
  const begun = () => {
    const begun = stage();
    begun.append('a');
    begun.ack('s1', 1);
    begun.ack('s2', 1);
    begun.append('b');
    begun.skip();
    return begun;
  };

  it('sends what lingers at once, and is drained when all is acked', () => {
    const { master } = begun();
    assert.equal(master.isDrained, false);
    const late = begun();
    late.master.stop(0, 5000);
    late.did('send s1 2..2', 'send s2 2..2');
    late.ack('s1', 2);
    assert.equal(late.master.isDrained, false);
    late.ack('s2', 2);
    assert.equal(late.master.isDrained, true);
    assert.equal(late.master.nextWakeAt() > 5000, true);
  });

  it('does not wait for long, nor for those who are not well', () => {
    const slow = begun();
    slow.master.stop(0, 5000);
    assert.equal(slow.master.nextWakeAt(), FLUSH_ON_STOP_MS_MAX);
    slow.tick(FLUSH_ON_STOP_MS_MAX);
    assert.equal(slow.master.isDrained, true);
    const away = begun();
    away.master.stop(0, 5000);
    away.ack('s1', 2);
    away.fail('s2');
    assert.equal(away.master.isDrained, true);
  });
});

describe('Master: health', () => {
  it('tells how long the first client has waited', () => {
    const stage = new Stage().allUp();
    assert.equal(stage.master.oldestWaitMs(100), 0);
    stage.now = 10;
    stage.append(['a'], { w: 3 });
    stage.now = 20;
    stage.append(['b'], { w: 2 });
    assert.equal(stage.master.oldestWaitMs(100), 90);
    stage.ack('s1', 2);
    stage.ack('s2', 2);
    assert.equal(stage.master.oldestWaitMs(100), 0);
  });

  it('shows each secondary as it is', () => {
    const stage = new Stage().allUp();
    stage.append(['a', 'b', 'c']);
    stage.now = 40;
    stage.ack('s1', 2);
    stage.fail('s2');
    stage.now = 50;
    assert.deepEqual(stage.master.secondaries(50), [
      {
        id: 's1',
        url: 'http://s1:1',
        status: 'Healthy',
        length: 2,
        complete: false,
        sent: 3,
        held: null,
        lag: 1,
        lastSeenMsAgo: 10,
        failures: 0,
        nextAttemptInMs: null,
        lastError: null,
      },
      {
        id: 's2',
        url: 'http://s2:1',
        status: 'Healthy',
        length: 0,
        complete: false,
        sent: 0,
        held: null,
        lag: 3,
        lastSeenMsAgo: 50,
        failures: 1,
        nextAttemptInMs: 15,
        lastError: 'reset',
      },
    ]);
  });

  it('tells how many messages a secondary held at its last heartbeat', () => {
    const stage = new Stage({ heartbeatMs: 1000 }).allUp();
    stage.append(['a']);
    const heldAfter = (now: number, answer: () => void) => {
      stage.tick(now);
      answer();
      return stage.health('s1').held;
    };
    assert.equal(
      heldAfter(1000, () => stage.beat('s1', 0, { held: 1 })),
      1,
    );
    assert.equal(
      heldAfter(2000, () => stage.beat('s1', 1)),
      null,
    );
    assert.equal(
      heldAfter(3000, () => stage.beat('s1', 1, { held: 2 })),
      2,
    );
    assert.equal(
      heldAfter(4000, () => stage.miss('s1')),
      null,
    );
  });

  it('of a secondary that was never heard of says so', () => {
    const { status, lastSeenMsAgo, lag } = new Stage().health('s1');
    assert.deepEqual([status, lastSeenMsAgo, lag], ['Unhealthy', null, 0]);
  });

  it('never shows an attempt in the past', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    stage.append('a');
    stage.fail('s1');
    stage.now = 1000;
    assert.equal(stage.health('s1').nextAttemptInMs, 0);
  });
});
