/** What a candidate of an election writes to the log of its process. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Replica } from '../../../src/lib/core/log/replica.ts';
import { Master } from '../../../src/lib/core/master.ts';
import type { HeartbeatRequest } from '../../../src/lib/core/protocol.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** A member without a log that stands among a, b and c, and the events that it has logged. */
function candidate() {
  const events: string[] = [];
  const asked: HeartbeatRequest[] = [];
  const ends: string[] = [];
  const ignore = () => {};
  const master = new Master(
    {
      nodeId: 'a',
      writer: 'W',
      newLogId: 'L',
      recoveryTimeoutMs: 1000,
      secondaries: ['b', 'c'].map((id) => ({ id, url: `http://${id}:1` })),
      quorumAppend: true,
      heartbeat: { intervalMs: 1000, timeoutMs: 1000 },
      failureDetector: { suspectedAfterMisses: 1, unhealthyAfterMisses: 3 },
      replicationTimeoutMs: 10_000,
      backoffBaseMs: 50,
      backoffMaxMs: 5000,
      logBytesMax: 0,
      waitingMax: 10,
      linger: { awaitedMs: 0, unawaitedMs: 0 },
      commitNoticeMs: NEVER,
      isElection: true,
      needsAdmission: true,
      election: { members: 'digest', timeoutMs: 3000 },
    },
    {
      openStream: ignore,
      sendFrame: ignore,
      closeStream: ignore,
      abortStream: ignore,
      askHeartbeat: (_, request) => asked.push(request),
      fetchLog: ignore,
      logEvent: ({ event }) => events.push(event),
    },
    new Replica(),
    undefined,
    { tookOver: () => ends.push('took over'), over: (reason) => ends.push(reason) },
  );
  return { master, events, asked, ends };
}

describe('a candidate', () => {
  it('says nothing of who answers it: each attempt begins without an answer', () => {
    const { master, events, asked, ends } = candidate();
    master.tick(0, () => 0.5);
    assert.equal(asked.length, 2);
    const told = { logId: null, epoch: 0, length: 0, members: 'digest' };
    const reply = {
      writer: '',
      lastEpoch: 0,
      lastWriter: '',
      isLogMatched: false,
      isComplete: false,
    };
    master.heartbeatAnswered(0, { nodeId: 'b', bootId: 'B', ...told, prepareReply: reply }, 1);
    assert.equal(master.secondaries(1)[0]?.status, 'Healthy');
    master.heartbeatMissed(1, 'connect ECONNREFUSED', true, 2);
    assert.deepEqual(ends, ['a log is begun when all members answer; c has not']);
    assert.deepEqual(events, []);
  });
});
