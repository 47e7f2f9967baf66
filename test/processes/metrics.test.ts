/** GET /metrics of real nodes: its values, and whether Prometheus' own checker accepts it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { MEMBER_METRIC_NAMES, METRIC_NAMES } from '../deploy/metric-names.ts';
import { append, request } from '../support/client.ts';
import { type NodeProcess, startCluster, startSecondary, stopAfter } from '../support/cluster.ts';
import { type Member, startMembers } from '../support/members.ts';
import { waitFor } from '../support/wait.ts';

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
const skip = hasPromtool ? false : 'promtool is not installed';

/** A node, or a member. */
type At = { readonly url: string };

/** The names of all series that these nodes have, in order; without what averages are made of. */
async function namesAt(...nodes: At[]): Promise<string[]> {
  const pages = await Promise.all(nodes.map(textOf));
  const series = pages.flatMap((page) => page.trim().split('\n'));
  const names = series
    .filter((line) => !line.startsWith('#'))
    .map((line) => /^\w+/.exec(line)?.[0]);
  const summary = (name: string) => /^nodejs_eventloop_delay_seconds_(sum|count)$/.test(name);
  return [...new Set(names as string[])].filter((name) => !summary(name)).sort();
}

async function textOf(node: At): Promise<string> {
  const answer = await request(`${node.url}/metrics`);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  return answer.body;
}

/** The value of one series, by its name and labels as they are written. */
async function seriesOf(node: At, series: string): Promise<number> {
  const line = (await textOf(node)).split('\n').find((each) => each.startsWith(`${series} `));
  assert(line !== undefined, `there is no ${series}`);
  return Number(line.slice(series.length + 1));
}

describe('GET /metrics', () => {
  it('counts appends, repeats and who waits', async (t) => {
    const { master, secondaries } = await startCluster(t);
    await append(master, { messages: ['a', 'b'], w: 1 });
    await append(master, { message: 'c', w: 3 }, { 'idempotency-key': 'k' });
    await append(master, { message: 'c', w: 1 }, { 'idempotency-key': 'k' });
    assert.equal(await seriesOf(master, 'replicated_log_appended_messages_total'), 3);
    assert.equal(await seriesOf(master, 'replicated_log_duplicate_appends_total'), 1);
    const count = (w: number) =>
      seriesOf(master, `replicated_log_append_duration_seconds_count{w="${w}"}`);
    assert.deepEqual([await count(1), await count(2), await count(3)], [2, 0, 1]);
    await (secondaries[1] as NodeProcess).stop('SIGKILL');
    const leaving = new AbortController();
    const waiting = append(master, { message: 'd', w: 3 }, {}, leaving.signal).catch(() => {});
    await waitFor(
      'it to wait',
      async () => (await seriesOf(master, 'replicated_log_waiting_clients')) === 1,
    );
    await waitFor(
      'time to go by',
      async () => (await seriesOf(master, 'replicated_log_oldest_wait_seconds')) > 0.1,
    );
    await waitFor('the lag', async () => {
      const lag = await seriesOf(master, 'replicated_log_secondary_lag_seconds{secondary="s2"}');
      return lag > 0.1;
    });
    const entries = 'replicated_log_secondary_lag_entries{secondary="s2"}';
    assert.equal(await seriesOf(master, entries), 1);
    await waitFor('a failed attempt', async () => {
      const failed = 'replicated_log_replication_attempts_total{secondary="s2",result="failed"}';
      return (await seriesOf(master, failed)) > 0;
    });
    const unhealthy = 'replicated_log_secondary_status{secondary="s2",status="Unhealthy"}';
    await waitFor('the status', async () => (await seriesOf(master, unhealthy)) === 1);
    assert.equal(await seriesOf(master, 'replicated_log_status{status="degraded"}'), 1);
    assert.equal(await seriesOf(master, 'replicated_log_read_only'), 0);
    assert.equal(await seriesOf(master, 'replicated_log_quorum_available'), 2);
    assert(
      (await seriesOf(master, 'replicated_log_replication_sent_bytes_total{secondary="s1"}')) > 0,
    );
    leaving.abort();
    await waiting;
  });

  it('counts what a secondary gets', async (t) => {
    const s = await startSecondary();
    stopAfter(t, s);
    const frame = (from: number, messages: string[], epoch = 2) =>
      request(`${s.url}/replicate`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson' },
        body: JSON.stringify({ logId: 'L', epoch, from, messages }),
      });
    await frame(1, ['a', 'b']);
    await frame(2, ['b', 'c']);
    await frame(9, ['z']);
    await frame(1, ['a'], 1);
    assert.equal(await seriesOf(s, 'replicated_log_length'), 3);
    assert.equal(await seriesOf(s, 'replicated_log_epoch'), 2);
    assert.equal(await seriesOf(s, 'replicated_log_held_messages'), 1);
    assert.equal(await seriesOf(s, 'replicated_log_duplicate_entries_total'), 1);
    assert.equal(await seriesOf(s, 'replicated_log_frames_total{result="applied"}'), 3);
    assert.equal(await seriesOf(s, 'replicated_log_frames_total{result="refused"}'), 1);
  });

  it('wants the token of clients, and no parameters', async (t) => {
    const s = await startSecondary({ API_TOKEN: 'sesame' });
    stopAfter(t, s);
    assert.equal((await request(`${s.url}/metrics`)).status, 401);
    const headers = { authorization: 'Bearer sesame' };
    assert.equal((await request(`${s.url}/metrics`, { headers })).status, 200);
    assert.equal((await request(`${s.url}/metrics?x=1`, { headers })).status, 400);
    const scraper = {
      accept: 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5',
    };
    assert.equal(
      (await request(`${s.url}/metrics`, { headers: { ...headers, ...scraper } })).status,
      200,
    );
  });

  it('has the names that alerts and dashboard may use, and no other', async (t) => {
    const { master, secondaries } = await startCluster(t, { count: 1 });
    assert.deepEqual(await namesAt(master, ...secondaries), [...METRIC_NAMES].sort());
  });

  it('tells of a member what it is, whom it follows, and how often it was elected', async (t) => {
    const members = await startMembers(t);
    const old = await members.whole();
    const [target, other] = members.others(old) as [Member, Member];
    const all = [...METRIC_NAMES, ...MEMBER_METRIC_NAMES].sort();
    assert.deepEqual(await namesAt(...members.list), all);
    assert.equal(await seriesOf(old, 'replicated_log_role{role="master"}'), 1);
    assert.equal(await seriesOf(other, 'replicated_log_role{role="master"}'), 0);
    assert.equal(await seriesOf(other, 'replicated_log_role{role="secondary"}'), 1);
    for (const member of members.list) {
      assert.equal(await seriesOf(member, 'replicated_log_master_known'), 1);
    }
    const won = 'replicated_log_elections_total{result="won"}';
    const wonBefore = await seriesOf(target, won);
    const { status } = await members.handOver(old, target);
    await members.master();
    const handovers = 'replicated_log_handovers_total';
    const outcome = status === 200 ? 'done' : 'failed';
    assert.equal(await seriesOf(old, `${handovers}{result="${outcome}"}`), 1);
    if (status === 200) assert(((await seriesOf(target, won)) as number) > wonBefore);

    // Alone, a member knows of no master, and counts for how long.
    const without = 'replicated_log_without_master_seconds_total';
    await Promise.all([old.kill(), target.kill()]);
    await waitFor('a member that knows of no master', async () => {
      return (await seriesOf(other, 'replicated_log_master_known')) === 0;
    });
    const before = await seriesOf(other, without);
    await waitFor('time to be counted', async () => (await seriesOf(other, without)) > before);
  });

  it('is taken by promtool without a remark', { skip }, async (t) => {
    const { master, secondaries } = await startCluster(t, { count: 1 });
    await append(master, { message: 'a' });
    for (const node of [master, ...secondaries]) {
      const input = await textOf(node);
      const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input });
      assert.deepEqual([status, `${stdout}${stderr}`], [0, '']);
    }
  });
});
