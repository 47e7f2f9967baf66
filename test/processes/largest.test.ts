/** The largest possible append, in real nodes with disks: it reaches every node, also after a restart. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import {
  appendBodyBytesMax,
  BATCH_MESSAGES_MAX,
  MESSAGE_BYTES_CEILING,
} from '../../src/lib/http/limits.ts';
import { health } from '../support/client.ts';
import { DiskCluster, kill, shows } from '../support/disk-cluster.ts';

/** A digest of the log as JSON, without a string of all of it. */
async function sumOf(node: { readonly url: string }): Promise<string> {
  const response = await fetch(`${node.url}/messages`);
  const hash = createHash('sha256');
  for await (const chunk of response.body as ReadableStream<Uint8Array>) hash.update(chunk);
  return hash.digest('hex');
}

describe('a batch of 10,000 messages and 63 MB, under a key of 255 double quotes', () => {
  it('is replicated, read, read from disk, and recovered from a secondary', async (t) => {
    const cluster = new DiskCluster(t, { MAX_MESSAGE_BYTES: MESSAGE_BYTES_CEILING });
    const s1 = await cluster.secondary('s1');
    const master = await cluster.master();
    const around = '{"messages":[],"w":2}'.length + 3 * BATCH_MESSAGES_MAX;
    const each = Math.floor(
      (appendBodyBytesMax(MESSAGE_BYTES_CEILING) - around) / BATCH_MESSAGES_MAX,
    );
    const list = `[${Array(BATCH_MESSAGES_MAX)
      .fill(`"${'x'.repeat(each)}"`)
      .join(',')}]`;
    const answer = await fetch(`${master.url}/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': `"${'\\"'.repeat(255)}"` },
      body: `{"messages":${list},"w":2}`,
    });
    assert.equal(answer.status, 201, await answer.text());
    const expected = createHash('sha256').update(list).digest('hex');
    assert.deepEqual([await sumOf(master), await sumOf(s1)], [expected, expected]);
    await kill(master, s1);
    // A master that lost its disk fetches all from the secondary, and sends it to another one.
    const again = await cluster.secondary('s1');
    const s2 = await cluster.secondary('s2');
    const next = await cluster.master({ DATA_DIR: cluster.directory('another') });
    await shows(s2, BATCH_MESSAGES_MAX);
    for (const node of [again, next, s2]) assert.equal(await sumOf(node), expected);
    assert.equal((await health(next)).status, 'ok');
  });
});
