import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { describe, it } from 'node:test';
import { LOOKUP_MS_MAX, LOOKUP_PAUSE_MS, LOOKUP_REFRESH_MS } from '../../../src/lib/http/limits.ts';
import { NameError, Names } from '../../../src/lib/http/names.ts';

/** Look-ups and a clock that the test controls. */
class Resolver {
  nowMs = 0;
  readonly asked: string[] = [];
  readonly #waiting = new Map<string, ((outcome: readonly LookupAddress[] | Error) => void)[]>();
  readonly names = new Names(
    (name) => {
      this.asked.push(name);
      return new Promise((resolve, reject) => {
        const end = (outcome: readonly LookupAddress[] | Error) =>
          outcome instanceof Error ? reject(outcome) : resolve(outcome);
        this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), end]);
      });
    },
    () => this.nowMs,
  );

  /** Ends the look-up of a name, with addresses or a code. */
  async end(name: string, outcome: readonly string[] | string): Promise<void> {
    const end = this.#waiting.get(name)?.shift();
    assert(end !== undefined, `${name} is being looked up`);
    if (typeof outcome === 'string') end(Object.assign(new Error(), { code: outcome }));
    else end(outcome.map(at));
    await new Promise((resolve) => setImmediate(resolve));
  }

  isAsked(name: string): boolean {
    return (this.#waiting.get(name)?.length ?? 0) > 0;
  }

  /** A name whose addresses are known. */
  async known(name: string, ...addresses: string[]): Promise<void> {
    const found = this.names.find(name);
    await this.end(name, addresses);
    assert.deepEqual(await found, addresses.map(at));
  }
}

function at(address: string): LookupAddress {
  return { address, family: address.includes(':') ? 6 : 4 };
}

function isNameError(code: string, message: RegExp) {
  return (error: unknown) =>
    error instanceof NameError && error.code === code && message.test(error.message);
}

const inTime = /the name s2 did not resolve in time/;

describe('names of peers', () => {
  it('are looked up once at a time, each apart from the others', async () => {
    const resolver = new Resolver();
    const { names, asked } = resolver;
    const calls = [names.find('s2'), names.find('s1'), names.find('s2'), names.find('s1')];
    assert.deepEqual(asked, ['s2', 's1']);
    await resolver.end('s1', ['10.0.0.1']);
    assert.deepEqual(await calls[1], [at('10.0.0.1')]);
    assert.deepEqual(await calls[3], [at('10.0.0.1')]);
    await resolver.end('s2', ['10.0.0.2', 'fd00::2']);
    assert.deepEqual(await Promise.all([calls[0], calls[2]]), [
      [at('10.0.0.2'), at('fd00::2')],
      [at('10.0.0.2'), at('fd00::2')],
    ]);
    assert.deepEqual(names.known('s2'), [at('10.0.0.2'), at('fd00::2')]);
    assert.deepEqual(names.known('s3'), []);
    assert.equal(names.problemOf('s3'), null);
  });

  it('are not waited for long while no address is known, and not again and again', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const resolver = new Resolver();
    const { names, asked } = resolver;
    const first = names.find('s2');
    t.mock.timers.tick(LOOKUP_MS_MAX);
    await assert.rejects(first, isNameError('EAI_AGAIN', inTime));
    resolver.nowMs = LOOKUP_MS_MAX;
    await assert.rejects(names.find('s2'), isNameError('EAI_AGAIN', inTime), 'at once');
    assert.equal(asked.length, 1, 'the same look-up is still under way');
    assert.match(names.problemOf('s2')?.message ?? '', inTime);
    await resolver.end('s2', ['10.0.0.2']);
    assert.deepEqual(await names.find('s2'), [at('10.0.0.2')]);
    assert.equal(names.problemOf('s2'), null);
  });

  it('are not waited for by a context that was given up', async () => {
    const { names } = new Resolver();
    const abort = new AbortController();
    const found = names.find('s2', abort.signal);
    abort.abort();
    await assert.rejects(found, isNameError('EAI_AGAIN', inTime));
    await assert.rejects(names.find('s2', abort.signal), isNameError('EAI_AGAIN', inTime));
  });

  it('say what is wrong with them, and are looked up anew by the next call', async () => {
    const resolver = new Resolver();
    const { names, asked } = resolver;
    for (const code of ['ENOTFOUND', 'EAI_FAIL']) {
      const found = names.find('s2');
      await Promise.all([
        assert.rejects(found, isNameError(code, /the name s2 has no address \(E/)),
        resolver.end('s2', code),
      ]);
    }
    const empty = names.find('s2');
    await Promise.all([
      assert.rejects(empty, isNameError('ENOTFOUND', /s2/)),
      resolver.end('s2', []),
    ]);
    await resolver.known('s2', '10.0.0.2');
    assert.equal(asked.length, 4);
  });

  it('go on with what was known last while they are looked up again, or cannot be', async () => {
    const resolver = new Resolver();
    const { names } = resolver;
    await resolver.known('s2', '10.0.0.2');
    resolver.nowMs += LOOKUP_REFRESH_MS;
    await names.find('s2');
    assert.equal(resolver.isAsked('s2'), false, 'not yet');
    resolver.nowMs += 1;
    assert.deepEqual(await names.find('s2'), [at('10.0.0.2')]);
    assert.equal(resolver.isAsked('s2'), true);
    resolver.nowMs += 10 * LOOKUP_REFRESH_MS;
    assert.deepEqual(await names.find('s2'), [at('10.0.0.2')], 'the name server is silent');
    await resolver.end('s2', 'ENOTFOUND');
    assert.deepEqual(
      await names.find('s2'),
      [at('10.0.0.2')],
      'and knows nothing of a node that answers',
    );
    resolver.nowMs += LOOKUP_REFRESH_MS + 1;
    await names.find('s2');
    await resolver.end('s2', ['10.0.0.3']);
    assert.deepEqual(await names.find('s2'), [at('10.0.0.3')], 'it is somewhere else now');
  });

  it('are looked up after a context that failed, and followed to where they are', async () => {
    const resolver = new Resolver();
    const { names, asked } = resolver;
    await resolver.known('s2', '10.0.0.2');
    names.failed('s2');
    assert.equal(resolver.isAsked('s2'), false, 'it was looked up just now');
    resolver.nowMs += LOOKUP_PAUSE_MS + 1;
    names.failed('s2');
    names.failed('s2');
    assert.equal(asked.length, 2);
    assert.deepEqual(await names.find('s2'), [at('10.0.0.2')]);
    await resolver.end('s2', ['10.0.0.3']);
    assert.deepEqual(await names.find('s2'), [at('10.0.0.3')]);
  });

  it('have no address when there is none, and nobody is reached where they were', async () => {
    const resolver = new Resolver();
    const { names } = resolver;
    await resolver.known('s2', '10.0.0.2');
    const fails = async (code: string) => {
      resolver.nowMs += LOOKUP_PAUSE_MS + 1;
      names.failed('s2');
      await resolver.end('s2', code);
    };
    await fails('EAI_AGAIN');
    assert.equal(names.problemOf('s2'), null, 'a name server that fails says nothing');
    names.reached('s2');
    resolver.nowMs += LOOKUP_REFRESH_MS + 1;
    await names.find('s2');
    await resolver.end('s2', 'ENOTFOUND');
    assert.equal(names.problemOf('s2'), null, 'it was reached there');
    await fails('ENOTFOUND');
    assert.match(names.problemOf('s2')?.message ?? '', /has no address \(ENOTFOUND\)/);
    await resolver.known('s2', '10.0.0.2');
  });

  it('with several addresses go on to the next one when a context fails', async () => {
    const resolver = new Resolver();
    const { names } = resolver;
    await resolver.known('s2', '::1', '127.0.0.1');
    resolver.nowMs += LOOKUP_PAUSE_MS + 1;
    names.failed('s2');
    assert.deepEqual(names.known('s2'), [at('127.0.0.1'), at('::1')]);
    await resolver.end('s2', ['::1', '127.0.0.1']);
    assert.deepEqual(names.known('s2'), [at('127.0.0.1'), at('::1')], 'and stay there');
    resolver.nowMs += LOOKUP_REFRESH_MS + 1;
    await names.find('s2');
    await resolver.end('s2', ['::1', '127.0.0.2']);
    assert.deepEqual(names.known('s2'), [at('::1'), at('127.0.0.2')]);
  });
});
