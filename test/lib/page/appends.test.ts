/** What the page shows of its own appends when another master has gone on without them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { scripts, turn } from './scripts.ts';

interface Own {
  readonly state: string;
  readonly problem: string;
  readonly acked: readonly string[];
}

class Refused extends Error {
  readonly status = 404;
}

/** The script alone, with fakes of what it uses from other scripts; the test answers its requests. */
function page(answer: (path: string) => { status: number; body: object }) {
  const asked: string[] = [];
  const globals = {
    performance,
    hasContact: true,
    health: { logId: 'L', length: 3, epoch: 1, status: 'ok', role: 'master' },
    ownTimesMs: [],
    Refused,
    nodesFor: () => 3,
    holdersOf: () => ({ acked: ['master', 's1', 's2'], pending: [] }),
    shortened: (text: string) => text,
    call: async (path: string) => {
      asked.push(path);
      const { status, body } = answer(path);
      if (status === 404) throw new Refused('There is no such message');
      return { status, json: async () => body };
    },
  };
  const run = scripts(['data/appends.js'], globals);
  const own = () => run('ownAppends') as Own[];
  return { globals, asked, own, run };
}

const held = (epoch: number) => ({ seq: 3, epoch, acked: ['master', 's1', 's2'], pending: [] });

describe('an append of the page', () => {
  const outcomes: [
    what: string,
    after: { status: number; body: object },
    problem: RegExp | null,
  ][] = [
    ['is still there', { status: 200, body: held(1) }, null],
    ['was replaced', { status: 200, body: held(2) }, /cut off: .* seq 3 is another message/],
    ['is gone', { status: 404, body: {} }, /no such message/],
  ];
  for (const [what, after, problem] of outcomes) {
    it(`${what} when another master has taken over: asked once, and said`, async () => {
      let answer = { status: 201, body: held(1) as object };
      const { globals, asked, own, run } = page(() => answer);
      await run("append(['x'], 'all', null)");
      run('followAppends()');
      await turn();
      assert.deepEqual([own()[0]?.state, asked], ['holds', ['/messages']]);
      answer = after;
      globals.health = { ...globals.health, epoch: 2 };
      for (let i = 0; i < 3; i += 1) {
        run('followAppends()');
        await turn();
      }
      assert.deepEqual(asked.slice(1), ['/messages/3?w=all']);
      const [one] = own();
      assert.equal(one?.state, problem === null ? 'holds' : 'failed');
      if (problem !== null) assert.match(one?.problem ?? '', problem);
      assert.equal(one?.acked.length, problem === null ? 3 : 0);
    });
  }

  it('is asked after at a master only, and again when its node is that again', async () => {
    const { globals, asked, own, run } = page(() => ({ status: 202, body: held(1) }));
    await run("append(['x'], 'all', null)");
    await turn();
    const sent = asked.length;
    globals.health = { ...globals.health, epoch: 2, role: 'secondary' };
    run('followAppends()');
    await turn();
    assert.deepEqual([asked.length, own()[0]?.state], [sent, 'waits']);
    globals.health = { ...globals.health, epoch: 3, role: 'master' };
    run('followAppends()');
    await turn();
    assert.equal(asked[sent], '/messages/3?w=all');
  });
});
