import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Refusal } from '../../../src/lib/core/refusal.ts';
import { HttpProblem, problemOf } from '../../../src/lib/http/problems.ts';

describe('HttpProblem', () => {
  it('is problem+json, with its own members beside the standard ones', () => {
    const problem = new HttpProblem('bad-w', 'w is wrong', { n: 3 }, { Allow: 'GET' });
    assert.equal(problem.status, 400);
    assert.deepEqual(JSON.parse(problem.body('r1')), {
      type: '/problems/bad-w',
      title: 'The write concern is not valid',
      status: 400,
      detail: 'w is wrong',
      requestId: 'r1',
      n: 3,
    });
    assert.deepEqual(problem.allHeaders('r1'), {
      'Content-Type': 'application/problem+json',
      'X-Request-Id': 'r1',
      Allow: 'GET',
    });
  });

  it('of a node that stops ends the connection too', () => {
    assert.equal(new HttpProblem('shutting-down', 'x').allHeaders('r1').Connection, 'close');
    assert.equal(new HttpProblem('read-only', 'x').allHeaders('r1').Connection, undefined);
  });

  it('says of every 503 when to try again', () => {
    assert.equal(new HttpProblem('not-ready', 'x').allHeaders('r1')['Retry-After'], '1');
    assert.equal(new HttpProblem('log-full', 'x').allHeaders('r1')['Retry-After'], undefined);
  });
});

describe('problemOf', () => {
  type Case = Refusal extends infer One ? (One extends Refusal ? Omit<One, 'kind'> : never) : never;
  const table: [refusal: Case, status: number, detail: RegExp][] = [
    [{ problem: 'w-exceeds-cluster', n: 3 }, 400, /w must be at most 3/],
    [{ problem: 'idempotency-key-reused', seq: 7 }, 422, /another message, at seq 7/],
    [
      { problem: 'read-only', required: 2, available: 1, missing: ['s1', 's2'] },
      503,
      /need 2 available nodes.* there are 1; missing: s1, s2/,
    ],
    [{ problem: 'recovering', reason: null }, 503, /is looking for the log to go on with$/],
    [{ problem: 'recovering', reason: 'so' }, 503, /is looking for the log to go on with: so$/],
    [{ problem: 'fenced', epoch: 4 }, 503, /a master of epoch 4 has taken over/],
    [{ problem: 'fenced', epoch: 0 }, 503, /another master has taken over/],
    [{ problem: 'epochs-missing' }, 409, /must carry the 'epochs'/],
    [{ problem: 'shutting-down' }, 503, /takes no more appends/],
    [{ problem: 'overloaded', limit: 9 }, 503, /limit of 9/],
    [{ problem: 'log-full', limit: 9, used: 8 }, 507, /8 of at most 9 bytes/],
    [{ problem: 'stale-epoch', epoch: 4 }, 409, /has seen epoch 4/],
    [{ problem: 'log-mismatch', logId: 'M' }, 409, /holds the log M/],
    [{ problem: 'diverged', seq: 2, length: 3 }, 409, /from seq 2 on/],
    [{ problem: 'gap', length: 3 }, 409, /shows 3 messages/],
    [{ problem: 'injected-fault', applied: true }, 500, /the ack withheld/],
    [{ problem: 'injected-fault', applied: false }, 500, /nothing was applied/],
  ];
  for (const [refusal, status, detail] of table) {
    it(`puts ${JSON.stringify(refusal)} in HTTP as ${status}, its facts as members`, () => {
      const problem = problemOf({ kind: 'refused', ...refusal } as Refusal);
      const { problem: name, ...facts } = refusal;
      const { title, detail: text, requestId, ...rest } = JSON.parse(problem.body('r1'));
      assert.equal(requestId, 'r1');
      assert.deepEqual(rest, { type: `/problems/${name}`, status, ...facts });
      assert.equal(typeof title, 'string');
      assert.match(text, detail);
      assert.equal(problem.status, status);
    });
  }

  it('takes a disk without room for one way of a log to be full', () => {
    const { type, status, detail } = JSON.parse(
      problemOf({ kind: 'refused', problem: 'disk-full' }).body('r1'),
    );
    assert.deepEqual([type, status], ['/problems/log-full', 507]);
    assert.match(detail, /no room on the disk/);
  });
});
