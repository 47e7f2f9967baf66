/** The metrics of every node: of its process and of its log. */
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Role } from '../core/role.ts';
import { Exposition } from '../wire/exposition.ts';

/** How often the delay of the event loop is measured, in ms. */
const DELAY_RESOLUTION_MS = 20;

const { version } = JSON.parse(
  readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
) as { version: string };

export class NodeMetrics {
  readonly #nodeId: string;
  readonly #role: string;
  readonly #startedAt = Date.now() / 1000 - process.uptime();
  readonly #delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });

  constructor(nodeId: string, role: 'master' | 'secondary') {
    this.#nodeId = nodeId;
    this.#role = role;
    this.#delay.enable();
  }

  /** A page of `GET /metrics` with these metrics, to which the role adds its own. */
  page({ length, epoch, discarded }: Role): Exposition {
    const { user, system } = process.cpuUsage();
    const delay = this.#delay;
    // The monitor measures the time between two samples; the delay is what exceeds the resolution.
    const seconds = (nanoseconds: number) =>
      Math.max(0, nanoseconds / 1e6 - DELAY_RESOLUTION_MS) / 1000 || 0;
    const quantile = (q: number) => [seconds(delay.percentile(q * 100)), { quantile: q }] as const;
    const mean = delay.count > 0 ? delay.mean : 0;
    return new Exposition()
      .gauge('replicated_log_info', 'Which node this is.', [
        [1, { node_id: this.#nodeId, role: this.#role, version }],
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
