import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { packMessages } from '../../../../src/lib/core/log/messages.ts';
import { Replica } from '../../../../src/lib/core/log/replica.ts';
import type { OutgoingFrame } from '../../../../src/lib/core/protocol.ts';
import {
  COMMIT_NOTICE_MS,
  OutgoingStream,
  STREAM_IDLE_MS,
  WINDOW_FRAMES_MAX,
} from '../../../../src/lib/core/replication/outgoing-stream.ts';
import { PAUSE_MS } from '../../../../src/lib/core/replication/pause.ts';
import { type Asked, Progress } from '../../../../src/lib/core/replication/progress.ts';

const TIMEOUT_MS = 1000;
const MASTER = { epoch: 1, writer: 'M' };

/** A stream to a secondary of which incarnation A is known to show `acked` messages of a log of `length`. */
function open(
  length: number,
  acked: number,
  { epochs = 1, isLogMatched = true, frameEpochsMax = 2048, tellsAllEpochs = true } = {},
) {
  const replica = new Replica();
  for (let epoch = 1; epoch < epochs; epoch += 1) {
    replica.log.append(packMessages(['x']), { epoch, writer: 'M' });
  }
  const append = (count: number) =>
    replica.log.append(packMessages(Array.from({ length: count }, () => 'x')), {
      epoch: epochs,
      writer: 'M',
    });
  append(length - replica.log.length);
  const progress = new Progress(() => replica.log.length);
  progress.learn('A', acked, isLogMatched, progress.asking(0));
  const frames: OutgoingFrame[] = [];
  const stream = new OutgoingStream(
    1,
    {
      config: {
        replicationTimeoutMs: TIMEOUT_MS,
        frameBytesMax: 1,
        frameEpochsMax,
        linger: { awaitedMs: 2, unawaitedMs: 10 },
      },
      leadership: { logId: 'L', ...MASTER, epoch: epochs },
      replica,
      progress,
      lastAwaited: () => replica.log.length,
      sendFrame: (frame) => frames.push(frame),
    },
    tellsAllEpochs,
    0,
  );
  /** The ranges of the frames that were sent since the last call. */
  const sent = () => frames.splice(0).map(({ from, to }) => `${from}..${to}`);
  /** The secondary acks the oldest frame in flight as it was sent. */
  const ack = (now = 0) => {
    const { to, asked } = stream.inFlight[0] as { to: number; asked: Asked };
    progress.learn('A', to, true, asked);
    stream.acked(now);
    stream.replicate();
  };
  return { replica, progress, stream, frames, append, sent, ack };
}

describe('OutgoingStream: what is sent', () => {
  it('is one frame until the first ack, then a window of them', () => {
    const { stream, sent, ack } = open(WINDOW_FRAMES_MAX + 9, 0);
    stream.fill(0, false);
    stream.fill(0, false);
    assert.deepEqual([sent(), stream.isProbing], [['1..1'], true]);
    ack();
    stream.fill(0, false);
    assert.deepEqual([sent().length, stream.isProbing], [WINDOW_FRAMES_MAX, false]);
    assert.equal(stream.frameAt, Number.POSITIVE_INFINITY, 'the window is full');
  });

  it('begins behind the acked length, with the epochs, for this incarnation', () => {
    const { stream, frames } = open(6, 4);
    stream.fill(0, false);
    const [{ from, epochs, bootId, completeFrom } = assert.fail()] = frames;
    assert.deepEqual([from, epochs?.length, bootId, completeFrom], [5, 1, 'A', 6]);
  });

  it('is nothing that the log has not, and nothing that a heartbeat has shown to be there', () => {
    const { stream, progress, append, sent, ack } = open(1, 0);
    stream.fill(0, false);
    ack();
    stream.fill(100, false);
    assert.deepEqual(sent(), ['1..1']);
    append(5);
    progress.learn('A', 5, true, progress.asking(0));
    assert.equal(stream.next, 6);
    stream.fill(100, false);
    assert.deepEqual(sent(), ['6..6']);
  });

  it('goes on where the first ack says, also further back', () => {
    const { stream, progress, sent } = open(9, 7);
    stream.fill(0, false);
    progress.learn('A', 2, true, (stream.inFlight[0] as { asked: Asked }).asked);
    stream.acked(0);
    stream.replicate();
    stream.fill(0, false);
    assert.deepEqual(sent().slice(0, 2), ['8..8', '3..3']);
  });

  it('is a frame without entries where only the logs are to be compared', () => {
    const { stream, sent } = open(0, 0, { isLogMatched: false });
    stream.fill(0, true);
    stream.fill(0, true);
    assert.deepEqual(sent(), ['1..0']);
  });

  it('tells a long list of epochs in several frames, of which the last has entries', () => {
    const { stream, frames, progress } = open(6, 0, { epochs: 5, frameEpochsMax: 2 });
    stream.fill(0, false);
    const told = () => frames.splice(0).map(({ to, epochs, part }) => [to, epochs?.length, part]);
    assert.deepEqual(told(), [
      [0, 2, { offset: 0, hasMore: true }],
      [0, 2, { offset: 2, hasMore: true }],
    ]);
    stream.acked(0);
    stream.acked(0);
    stream.fill(0, false);
    assert.deepEqual(told(), [[1, 1, { offset: 4, hasMore: false }]]);
    assert.equal(progress.acked, 0);
  });

  it('leaves out the epochs that the secondary has, unless all are to be told', () => {
    const offsetOf = (options: object) => {
      const { stream, frames } = open(6, 4, { epochs: 5, frameEpochsMax: 2, ...options });
      stream.fill(0, false);
      return frames[0]?.part.offset;
    };
    assert.equal(offsetOf({ tellsAllEpochs: false }), 3);
    assert.equal(offsetOf({ tellsAllEpochs: true }), 0);
    assert.equal(offsetOf({ tellsAllEpochs: false, isLogMatched: false }), 0);
  });

  it('is the committed length by itself once nothing else has told it', () => {
    const { stream, progress, replica, frames, ack } = open(1, 0);
    progress.isComplete = false;
    stream.fill(50, false);
    ack(60);
    replica.commit(1);
    assert.equal(stream.frameAt, 50 + COMMIT_NOTICE_MS);
    stream.fill(49 + COMMIT_NOTICE_MS, false);
    assert.equal(frames.length, 1);
    stream.fill(50 + COMMIT_NOTICE_MS, false);
    assert.deepEqual([frames[1]?.from, frames[1]?.to, frames[1]?.committed], [2, 1, 1]);
    ack(70);
    assert.equal(stream.frameAt, Number.POSITIVE_INFINITY, 'it knows');
  });
});

describe('OutgoingStream: silence', () => {
  it('counts from the oldest frame in flight, and without one from the last ack', () => {
    const { stream, append, ack } = open(1, 0);
    assert.equal(stream.quietUntil, STREAM_IDLE_MS);
    stream.fill(20, false);
    assert.equal(stream.quietUntil, 20 + TIMEOUT_MS);
    ack(30);
    assert.equal(stream.quietUntil, 30 + STREAM_IDLE_MS);
    append(2);
    stream.fill(40, false);
    stream.fill(50, false);
    assert.deepEqual([stream.inFlight.length, stream.quietUntil], [2, 40 + TIMEOUT_MS]);
  });

  it('counts anew when a frame in flight gets further, and not when none is', () => {
    const { stream } = open(1, 0);
    stream.advanced(15);
    assert.equal(stream.quietUntil, STREAM_IDLE_MS);
    stream.fill(20, false);
    stream.advanced(25);
    assert.equal(stream.quietUntil, 25 + TIMEOUT_MS);
  });

  it('may last as long as a frame was getting further before', () => {
    const { stream } = open(1, 0);
    stream.fill(0, false);
    stream.advanced(3 * TIMEOUT_MS);
    assert.equal(stream.patienceMs, 3 * TIMEOUT_MS);
    assert.equal(stream.quietUntil, 6 * TIMEOUT_MS);
  });

  it('is excused once when the process itself was paused, and again after something was heard', () => {
    const { stream } = open(2, 0);
    stream.fill(0, false);
    assert.equal(stream.isExcused(TIMEOUT_MS + PAUSE_MS), false);
    const late = TIMEOUT_MS + PAUSE_MS + 1;
    assert.equal(stream.isExcused(late), true);
    assert.equal(stream.quietUntil, late + TIMEOUT_MS, 'its full time anew');
    assert.equal(stream.isExcused(2 * late), false);
    stream.advanced(2 * late);
    assert.equal(stream.isExcused(9 * late), true);
  });
});
