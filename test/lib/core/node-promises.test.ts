/** When a member stands that has promised the ballot of a candidate. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Node, type NodeConfig, type NodeEffects } from '../../../src/lib/core/node.ts';
import type { HeartbeatRequest } from '../../../src/lib/core/protocol.ts';

const TIMEOUT_MS = 3000;
const MEMBERS = 'digest';
const NO_FAULTS = { delayMs: 0, errorRate: 0, errorAfterApplyRate: 0 };

/** Member b of a, b and c, which asks nobody before it stands. */
function memberB(): Node {
  const members = ['a', 'b', 'c'].map((id) => ({ id, url: `http://${id}:1` }));
  const election = {
    members,
    membersDigest: MEMBERS,
    timeoutMs: TIMEOUT_MS,
    heartbeatIntervalMs: 100,
  };
  const config: NodeConfig = {
    nodeId: 'b',
    bootId: 'boot-b',
    faults: NO_FAULTS,
    master: null,
    drawWriter: () => 'writer-b',
    election,
  };
  const effects = { logEvent: () => {}, probe: () => {} } as unknown as NodeEffects;
  return new Node(config, effects);
}

function question(id: string, epoch: number, more: Partial<HeartbeatRequest>): HeartbeatRequest {
  const sender = { id, bootId: `boot-${id}`, members: MEMBERS };
  const prepare = { logId: 'L', epoch, writer: `writer-${id}` };
  return { prepare, bootId: 'boot-b', completeFrom: null, committed: 0, sender, ...more };
}

describe('a member that has promised the ballot of a candidate', () => {
  it('gives it the time to take over, and does not take the former master for the present one', () => {
    const node = memberB();
    const random = () => 0;
    node.heartbeat(question('a', 1, {}), 0, random);
    assert.equal(node.masterAt(0)?.id, 'a');
    const handover = { epoch: 1, writer: 'writer-a' };
    node.heartbeat(question('c', 2, { isCandidate: true, handover }), 1000, random);
    assert.equal(node.epoch, 2);
    assert.equal(node.masterAt(1000), null);
    assert.ok(node.nextWakeAt() >= 1000 + TIMEOUT_MS, `it wakes at ${node.nextWakeAt()}`);
    node.heartbeat(question('c', 2, {}), 1500, random);
    assert.equal(node.masterAt(1500)?.id, 'c');
  });
});
