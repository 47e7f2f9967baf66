/** A receipt names the nodes that held the message when its write concern held. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import type { NodePort } from '../../../src/lib/api/ports.ts';
import { nodeRoutes } from '../../../src/lib/api/routes.ts';
import { Log } from '../../../src/lib/core/log/log.ts';
import { packMessages } from '../../../src/lib/core/log/messages.ts';
import { createServer } from '../../../src/lib/http/server.ts';

/** A master of one entry on two nodes, one of which is lost right after its ack. */
function losingPort(): NodePort {
  const log = new Log();
  log.append(packMessages(['a']), { epoch: 1, writer: 'w' });
  let acked = ['master', 's1'];
  const accept = (isDuplicate: boolean) => {
    queueMicrotask(() => {
      acked = ['master'];
    });
    return { kind: 'accepted', seq: 1, count: 1, w: 2, isDuplicate, wait: 'holds' };
  };
  const core = { log, length: 1, committed: 1, logId: 'L', logEpoch: 1 };
  const holders = () => ({ acked, pending: ['s1'].filter((id) => !acked.includes(id)) });
  const master = { log, holders };
  const port = {
    core: { ...core, role: 'master', master },
    now: () => 0,
    whenHandedOver: () => false,
  };
  return {
    ...port,
    append: () => accept(true),
    await: () => accept(false),
  } as unknown as NodePort;
}

describe('a receipt', () => {
  for (const how of ['a repeat of an append', 'a question about an entry']) {
    it(`that answers ${how} at once names who held it then`, async (t) => {
      const options = { defaultW: 'all', messageBytesMax: 1000 } as const;
      const heartbeat = {
        intervalMs: 1000,
        timeoutMs: 1000,
        suspectedAfterMisses: 1,
        unhealthyAfterMisses: 3,
      };
      const tokens = { apiToken: null, clusterToken: null };
      const master = { ...options, ...tokens, secondaries: [], heartbeat };
      const routes = nodeRoutes(losingPort(), {
        nodeId: 'master',
        faultInjection: false,
        master,
        masterLength: null,
      });
      const logger = { debug: () => {}, error: () => {} };
      const { server } = createServer({ routes, apiToken: null, clusterToken: null, logger });
      await once(server.listen(0, '127.0.0.1'), 'listening');
      t.after(() => server.close());
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/messages`;
      const headers = { 'content-type': 'application/json' };
      const body = JSON.stringify({ message: 'a', w: 2 });
      const response = how.includes('append')
        ? await fetch(url, { method: 'POST', headers, body })
        : await fetch(`${url}/1?w=2`);
      const { acked, pending } = (await response.json()) as { acked: string[]; pending: string[] };
      assert.deepEqual([response.status, acked, pending], [200, ['master', 's1'], []]);
    });
  }
});
