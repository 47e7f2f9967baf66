import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NoAnswerError } from '../../../src/lib/client/errors.ts';
import { type Health, readHealth } from '../../../src/lib/client/health.ts';
import { findMaster } from '../../../src/lib/client/master-search.ts';
import { Scope } from '../../../src/lib/client/scope.ts';

type Named = readonly [id: string, epoch: number] | null;

const MEMBERS = ['a', 'b', 'c'].map((id) => ({ id, url: `http://${id}` }));

/** The health of a member that names this master; that of the master itself if it is the one. */
function member(nodeId: string, named: Named, more: object = {}): Health {
  const master = named && { id: named[0], url: `http://${named[0]}`, epoch: named[1] };
  const role = named?.[0] === nodeId ? 'master' : 'secondary';
  const parts = role === 'master' ? { secondaries: [] } : { held: 0 };
  const base = { status: 'ok', nodeId, role, master, members: MEMBERS, length: 0 };
  return readHealth({ ...base, epoch: named?.[1] ?? 0, ...parts, ...more });
}

/** The health of a node of a cluster whose master is configured. */
const classic = {
  secondary: (nodeId: string) => readHealth({ status: 'ok', nodeId, epoch: 1, length: 0, held: 0 }),
  master: (epoch: number, more: object = {}) =>
    readHealth({ status: 'ok', nodeId: 'master', epoch, length: 0, secondaries: [], ...more }),
};

/** What is found among nodes that answer so, in this order; null does not answer, and `never` hangs. */
async function found(healths: readonly (Health | null | 'never')[]) {
  const scope = new Scope([]);
  const urls = healths.map((_, index) => `http://node-${index}`);
  const ask = (url: string): Promise<Health> => {
    const health = healths[urls.indexOf(url)] as Health | null | 'never';
    if (health === 'never') return scope.within(new Promise(() => {}));
    return health === null ? Promise.reject(new NoAnswerError('away')) : Promise.resolve(health);
  };
  try {
    const { url, isKnown, epoch } = await findMaster(urls, ask, scope);
    return [urls.indexOf(url), isKnown, epoch];
  } catch (error) {
    assert(error instanceof NoAnswerError);
    return null;
  } finally {
    scope.close();
  }
}

const A1: Named = ['a', 1];
const A2: Named = ['a', 2];
const B2: Named = ['b', 2];
const TABLE: Record<string, [(Health | null | 'never')[], Awaited<ReturnType<typeof found>>]> = {
  'the master that all name': [
    [member('c', A1), member('a', A1), member('b', A1)],
    [1, true, 1],
  ],
  'one whose other members hang, after a moment': [
    ['never', member('a', A1), 'never'],
    [1, true, 1],
  ],
  'the newer of two': [
    [member('a', A1), member('b', B2), member('c', A1)],
    [1, true, 2],
  ],
  'none while a newer one than who claims it is named': [
    [member('a', A1), null, member('c', B2)],
    null,
  ],
  'none while nobody knows of one': [
    [member('a', null), member('b', null, { role: 'candidate' }), member('c', null)],
    null,
  ],
  'none while the one that is named does not answer': [
    [member('b', A1), member('c', A1), null],
    null,
  ],
  'a master that cannot take appends now, for want of another': [
    [member('a', A2, { status: 'read-only' }), member('b', A2), null],
    [0, true, 2],
  ],
  'a node that names the master, if that is none of the nodes': [
    [member('b', null), member('c', A1)],
    [1, false, null],
  ],
  'the configured master, before all others have answered': [
    [classic.master(3), 'never', 'never'],
    [0, true, null],
  ],
  'the newest configured master if none is writable': [
    [
      classic.master(3, { status: 'recovering' }),
      classic.master(4, { status: 'recovering' }),
      classic.secondary('s1'),
    ],
    [1, true, null],
  ],
  'no configured master that is fenced': [
    [classic.master(3, { fenced: { byEpoch: 4 } }), classic.secondary('s1')],
    null,
  ],
  'the first of nodes that are secondaries for good': [
    [classic.secondary('s1'), classic.secondary('s2')],
    [0, false, null],
  ],
  'none where a node is away that may be the master': [[classic.secondary('s1'), null], null],
};

describe('a search for the master finds', () => {
  for (const [what, [healths, expected]] of Object.entries(TABLE)) {
    it(what, async () => assert.deepEqual(await found(healths), expected));
  }
});
