/** What the page knows of the cluster, by the `/health` of a node in any role. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { documentOf, scripts } from './scripts.ts';

const MEMBERS = ['a', 'b', 'c'].map((id) => ({ id, url: `http://${id}:8080` }));
const LOG = { status: 'ok', epoch: 2, logId: 'L', length: 5, committed: 3, complete: true };
const B = { ...LOG, nodeId: 'b', role: 'secondary', master: { ...MEMBERS[0], epoch: 2 } };
const SECONDARY = { id: 'a', length: 5, sent: 6, held: 1 };

function page(cluster: 'elected' | 'classic') {
  const run = scripts(['data/cluster.js'], { performance, document: documentOf({ cluster }) });
  const hear = (body: object) => run(`heard(${JSON.stringify(body)})`);
  const read = (code: string) => JSON.parse(run(`JSON.stringify(${code})`) as string) as unknown;
  return { run, hear, read };
}

describe('the health of a node, as the page reads it', () => {
  it('is of the master where no role is told', () => {
    const { hear, read } = page('classic');
    const quorum = { required: 1, available: 2, nodes: 2 };
    hear({ ...LOG, nodeId: 'master', quorum, waiting: 4, secondaries: [SECONDARY] });
    assert.deepEqual(read('[isMaster(), health.master, health.members]'), [true, null, []]);
    assert.deepEqual(read('[health.quorum, health.waiting]'), [quorum, 4]);
    assert.deepEqual(read('holdersOf(5)'), { acked: ['master', 'a'], pending: [] });
  });

  it('is of a member that knows no other log than its own', () => {
    const { hear, read } = page('elected');
    hear({ ...B, members: MEMBERS, held: 2 });
    assert.deepEqual(read('[isMaster(), health.master.id]'), [false, 'a']);
    assert.deepEqual(read('health.secondaries'), []);
    assert.deepEqual(read("[nodesFor('majority'), nodesFor('all')]"), [2, 3]);
    assert.deepEqual(read('ownEnds(health)'), { visible: 5, held: 7, sent: 7 });
  });

  it('tells what is committed in a cluster that elects its master only', () => {
    const [elected, classic] = [page('elected'), page('classic')];
    for (const { hear } of [elected, classic]) hear({ ...B, members: MEMBERS, held: 1 });
    const words = '[3, 4, 6].map((seq) => stateWordsAt(ownEnds(health), seq))';
    assert.deepEqual(elected.read(words), ['visible', 'visible, not committed', 'held back']);
    assert.deepEqual(classic.read(words), ['visible', 'visible', 'held back']);
  });

  it('forgets what a former master knew of frames ahead', () => {
    const { hear, read } = page('elected');
    const quorum = { required: 2, available: 2, nodes: 3 };
    const asMaster = { ...LOG, nodeId: 'b', role: 'master', members: MEMBERS, quorum, waiting: 0 };
    hear({ ...asMaster, secondaries: [SECONDARY] });
    assert.equal(read('endsOf(health.secondaries[0]).held'), 6);
    hear({ ...B, members: MEMBERS });
    assert.equal(read('heldEnds.size'), 0);
    hear({ ...asMaster, secondaries: [{ ...SECONDARY, length: 6, sent: 9, held: 2 }] });
    assert.equal(read('endsOf(health.secondaries[0]).held'), 8);
  });
});
