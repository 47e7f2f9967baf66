/** The metrics of every node: of its process and of its log. */
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Node } from '../../core/node.ts';
import type { Secondary } from '../../core/secondary.ts';
import { Exposition } from '../../wire/exposition.ts';

const ROLES = ['master', 'secondary', 'candidate'] as const;

/** How often the delay of the event loop is measured, in ms. */
const DELAY_RESOLUTION_MS = 20;

const { version } = JSON.parse(
  readFileSync(new URL('../../../../package.json', import.meta.url), 'utf8'),
) as { version: string };

export class NodeMetrics {
  readonly #nodeId: string;
  readonly #startedAt = Date.now() / 1000 - process.uptime();
  readonly #delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });

  constructor(nodeId: string) {
    this.#nodeId = nodeId;
    this.#delay.enable();
  }

  /** A page of `GET /metrics` with these metrics, to which the role adds its own. */
  page({ length, epoch, discarded, role }: Node): Exposition {
    const { user, system } = process.cpuUsage();
    const delay = this.#delay;
    // The monitor measures the time between two samples; the delay is what exceeds the resolution.
    const seconds = (nanoseconds: number) =>
      Math.max(0, nanoseconds / 1e6 - DELAY_RESOLUTION_MS) / 1000 || 0;
    const quantile = (q: number) => [seconds(delay.percentile(q * 100)), { quantile: q }] as const;
    const mean = delay.count > 0 ? delay.mean : 0;
    return new Exposition()
      .gauge('replicated_log_info', 'Which node this is.', [
        [1, { node_id: this.#nodeId, role, version }],
      ])
      .gauge('replicated_log_length', 'Messages that this node shows.', [[length]])
      .gauge('replicated_log_epoch', 'The highest epoch that this node has seen.', [[epoch]])
      .counter('replicated_log_discarded_entries_total', 'Entries cut off its log in this run.', [
        [discarded],
      ])
      .counter('process_cpu_seconds_total', 'User and system CPU time.', [[(user + system) / 1e6]])
      .gauge('process_resident_memory_bytes', 'Resident memory.', [[process.memoryUsage.rss()]])
      .gauge('process_start_time_seconds', 'When the process started, in seconds of Unix time.', [
        [this.#startedAt],
      ])
      .summary(
        'nodejs_eventloop_delay_seconds',
        `How late the event loop was, looked at every ${DELAY_RESOLUTION_MS} ms.`,
        [quantile(0.5), quantile(0.9), quantile(0.99)],
        seconds(mean) * delay.count,
        delay.count,
      );
  }
}

/** Adds the metrics of a secondary to the page of `GET /metrics`. */
export function addSecondaryFamilies(page: Exposition, secondary: Secondary): void {
  const { applied, refused, duplicates } = secondary.counts;
  page
    .gauge('replicated_log_held_messages', 'Messages received that are not shown yet.', [
      [secondary.held],
    ])
    .counter(
      'replicated_log_duplicate_entries_total',
      'Messages received that were here already.',
      [[duplicates]],
    )
    .counter('replicated_log_frames_total', 'Frames that were taken in, or not.', [
      [applied, { result: 'applied' }],
      [refused, { result: 'refused' }],
    ]);
}

/** Adds the metrics of a member of a cluster that elects its master. */
export function addMemberFamilies(page: Exposition, node: Node, now: number): void {
  const { elections, handovers } = node.counts;
  page
    .gauge(
      'replicated_log_role',
      'What this member is: 1 for the role that it has.',
      ROLES.map((role) => [Number(role === node.role), { role }]),
    )
    .gauge('replicated_log_master_known', 'Whether this member knows of a master.', [
      [Number(node.masterAt(now) !== null)],
    ])
    .counter('replicated_log_elections_total', 'How often this member stood, by the outcome.', [
      [elections.won, { result: 'won' }],
      [elections.lost, { result: 'lost' }],
    ])
    .counter('replicated_log_handovers_total', 'Handovers of this master, by the outcome.', [
      [handovers.done, { result: 'done' }],
      [handovers.failed, { result: 'failed' }],
    ])
    .counter(
      'replicated_log_without_master_seconds_total',
      'How long this member has known of no master in this run.',
      [[node.withoutMasterMs(now) / 1000]],
    );
}
