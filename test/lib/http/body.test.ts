import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it } from 'node:test';
import { readBody } from '../../../src/lib/http/body.ts';
import { BODY_TIMEOUT_MS } from '../../../src/lib/http/limits.ts';
import type { RequestContext } from '../../../src/lib/http/request-context.ts';

describe('readBody', () => {
  /** A context of a runtime with a request class of its own, which is only a stream. */
  const streaming = (state: object = {}) => {
    const req = Object.assign(new EventEmitter(), { headers: {}, destroyed: false, ...state });
    const failures: unknown[] = [];
    const context = {
      req,
      fail: (error: unknown) => failures.push(error),
    } as unknown as RequestContext;
    return { req, failures, context };
  };
  const endOfTurn = () => new Promise((resolve) => setImmediate(resolve));

  it('listens to a request that is only a stream', () => {
    const { req, context } = streaming();
    const bodies: string[] = [];
    readBody(context, 100, (bytes) => bodies.push(Buffer.from(bytes).toString()));
    for (const piece of ['ab', 'cd']) req.emit('data', Buffer.from(piece));
    assert.deepEqual(bodies, []);
    req.emit('end');
    assert.deepEqual(bodies, ['abcd']);
  });

  it('passes on what is thrown while the body is handled', () => {
    const { req, failures, context } = streaming();
    readBody(context, 100, () => {
      throw new Error('no');
    });
    req.emit('end');
    assert.deepEqual(failures, [new Error('no')]);
  });

  it('waits for nothing when the client was gone before the turn was over', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { req, failures, context } = streaming({ destroyed: true });
    readBody(context, 100, () => assert.fail('there is no body'));
    req.emit('data', Buffer.from('ab'));
    await endOfTurn();
    t.mock.timers.tick(BODY_TIMEOUT_MS);
    req.emit('end');
    assert.deepEqual(failures, []);
  });
});
