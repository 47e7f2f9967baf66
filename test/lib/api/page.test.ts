import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { type PageOptions, pageRoute } from '../../../src/lib/api/page.ts';
import { createServer } from '../../../src/lib/http/server.ts';
import { Logger } from '../../../src/lib/runtime/logger.ts';
import { request } from '../../support/client.ts';

const logger = new Logger('n', 'error', 'json', (line) => assert.fail(line));
const PLAIN: PageOptions = {
  faultInjection: false,
  needsToken: false,
  isElected: false,
  needsClusterToken: false,
  onTimeMs: 2500,
};

async function serve(t: TestContext, options: PageOptions): Promise<string> {
  const routes = [pageRoute(options)];
  const { server } = createServer({ routes, apiToken: 'secret', clusterToken: null, logger });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

function inside(html: string, name: string): string {
  return new RegExp(`<${name}[^>]*>([^]*?)</${name}>`).exec(html)?.[1] ?? '';
}

describe('GET /', () => {
  it('is one page, open to all, whose policy admits its own script and style', async (t) => {
    const url = await serve(t, PLAIN);
    const { status, headers, body } = await request(url);
    assert.deepEqual([status, headers.get('content-type')], [200, 'text/html; charset=utf-8']);
    const policy = headers.get('content-security-policy') ?? '';
    for (const name of ['script', 'style']) {
      const hash = createHash('sha256').update(inside(body, name)).digest('base64');
      assert.ok(inside(body, name).length > 1000);
      assert.ok(policy.includes(`${name}-src 'sha256-${hash}'`), name);
    }
    assert.match(policy, /^default-src 'none'; .*frame-ancestors 'none'$/);
    assert.doesNotMatch(policy, /unsafe|\*/);
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.equal(headers.get('referrer-policy'), 'no-referrer');
    assert.doesNotMatch(body, / (src|href|style|on\w+)="(?!data:|#)/);
  });

  it('is sent once, and then only if it is another one', async (t) => {
    const url = await serve(t, PLAIN);
    const first = await request(url);
    const etag = first.headers.get('etag') ?? '';
    assert.equal(first.headers.get('cache-control'), 'no-cache');
    const again = await request(url, { headers: { 'if-none-match': etag } });
    assert.deepEqual([again.status, again.body], [304, '']);
    const head = await request(url, { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers.get('etag'), head.body], [200, etag, '']);
    const other = await request(
      await serve(t, { ...PLAIN, faultInjection: true, needsToken: true }),
    );
    assert.notEqual(other.headers.get('etag'), etag);
  });

  it('knows what is open on this node, and whether a master is elected', async (t) => {
    assert.match(
      await page(t, PLAIN),
      /<html [^>]*data-faults="off" data-token="none" data-cluster="classic" data-cluster-token="none" data-on-time-ms="2500">/,
    );
    const all: PageOptions = {
      ...PLAIN,
      faultInjection: true,
      needsToken: true,
      isElected: true,
      needsClusterToken: true,
    };
    assert.match(
      await page(t, all),
      /<html [^>]*data-faults="on" data-token="needed" data-cluster="elected" data-cluster-token="needed" data-on-time-ms="2500">/,
    );
  });

  it('takes no parameters', async (t) => {
    assert.equal((await request(`${await serve(t, PLAIN)}?x=1`)).status, 400);
  });
});

async function page(t: TestContext, options: PageOptions): Promise<string> {
  return (await request(await serve(t, options))).body;
}
