/** A node whose log is not read goes on, and keeps only a bounded number of lines. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LOG_UNREAD_BYTES_MAX } from '../../src/lib/runtime/logger.ts';
import { request } from '../support/client.ts';
import { startSecondary, stopAfter } from '../support/cluster.ts';
import { RawConnection } from '../support/raw.ts';
import { waitFor } from '../support/wait.ts';

/** The bytes that pipes and streams buffer; the node itself keeps the rest. */
const ON_THE_WAY_BYTES = 1024 * 1024;
const REQUESTS = 10_000;

describe('a log that nobody reads', () => {
  it('stops nobody, loses lines beyond a bound, and says how many', async (t) => {
    const node = await startSecondary({ LOG_LEVEL: 'debug' });
    stopAfter(t, node);
    const connection = new RawConnection(node.port);
    t.after(() => connection.destroy());
    node.pauseLog();
    const refused = `GET /nothing HTTP/1.1\r\nHost: x\r\nX-Request-Id: ${'r'.repeat(128)}\r\n\r\n`;
    const answers = () => connection.received.split('HTTP/1.1 404').length - 1;
    for (let asked = REQUESTS; asked <= 3 * REQUESTS; asked += REQUESTS) {
      connection.send(refused.repeat(REQUESTS));
      await waitFor(`${asked} answers`, () => answers() === asked);
    }
    assert.equal((await request(`${node.url}/livez`)).status, 200);
    node.resumeLog();
    const told = await waitFor('the gap to be told', () => node.events('log-lines-dropped')[0]);
    const lines = node.events('request-refused');
    assert.equal(lines.length + (told.lines as number), 3 * REQUESTS);
    const bytes = lines.reduce((sum, line) => sum + JSON.stringify(line).length + 1, 0);
    assert(bytes > LOG_UNREAD_BYTES_MAX / 2, `${bytes}`);
    assert(bytes < LOG_UNREAD_BYTES_MAX + ON_THE_WAY_BYTES, `${bytes}`);
    // The log goes on behind the gap.
    await request(`${node.url}/nothing`);
    await waitFor('the next line', () => node.events('request-refused').length > lines.length);
  });
});
