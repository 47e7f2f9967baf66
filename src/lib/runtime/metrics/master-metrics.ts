/** The metrics of a master: appends, waiting clients, and each secondary. */
import type { Accepted } from '../../core/appends.ts';
import type { WaitEnd } from '../../core/concerns/write-concern.ts';
import type { Master } from '../../core/master.ts';
import type { LogEvent } from '../../core/refusal.ts';
import type { SecondaryHealth } from '../../core/replication/peer-ports.ts';
import type { Exposition, Sample } from '../../wire/exposition.ts';
import { Histogram } from './histogram.ts';
import { LengthMarks } from './length-marks.ts';

const STATUSES = ['ok', 'degraded', 'read-only', 'recovering'] as const;
const SECONDARY_STATUSES = ['Healthy', 'Suspected', 'Unhealthy'] as const;

/** The counters of one secondary. */
interface Attempts {
  opened: number;
  failed: number;
  sentBytes: number;
}

export class MasterMetrics {
  readonly #attempts: Map<string, Attempts>;
  /** At index `w - 1`: the appends that asked for `w` nodes. */
  readonly #durations: readonly Histogram[];
  readonly #marks = new LengthMarks();
  #messages = 0;
  #duplicates = 0;

  constructor(secondaries: readonly { readonly id: string }[]) {
    this.#durations = Array.from({ length: 1 + secondaries.length }, () => new Histogram());
    this.#attempts = new Map(
      secondaries.map(({ id }) => [id, { opened: 0, failed: 0, sentBytes: 0 }]),
    );
  }

  accepted({ count, isDuplicate }: Accepted): void {
    if (isDuplicate) this.#duplicates += 1;
    else this.#messages += count;
  }

  /** The wait of an append ended after `ms`. */
  ended(w: number, end: WaitEnd, ms: number): void {
    if (end === 'holds') this.#durations[w - 1]?.observe(ms / 1000);
  }

  /** The log has reached this length. */
  grown(length: number, now: number): void {
    this.#marks.mark(length, now);
  }

  opened(secondary: string): void {
    this.#of(secondary).opened += 1;
  }

  sent(secondary: string, bytes: number): void {
    this.#of(secondary).sentBytes += bytes;
  }

  /** Counts an event of the core. */
  counted({ event, fields }: LogEvent): void {
    if (event === 'replication-failed') this.#of(String(fields.secondary)).failed += 1;
  }

  #of(secondary: string): Attempts {
    return this.#attempts.get(secondary) as Attempts;
  }

  /** Adds the metrics of a master to the page of `GET /metrics`. */
  addTo(page: Exposition, core: Master, now: number): Exposition {
    const { required, available } = core.quorum();
    const status = core.status();
    page
      .counter('replicated_log_appended_messages_total', 'Messages given a position in this run.', [
        [this.#messages],
      ])
      .counter('replicated_log_duplicate_appends_total', 'Appends that repeated a known key.', [
        [this.#duplicates],
      ])
      .histogram(
        'replicated_log_append_duration_seconds',
        'From the arrival of an append to its acknowledgement, by the nodes it asks for.',
        this.#durations.map((values, i) => [{ w: i + 1 }, values]),
      )
      .gauge('replicated_log_waiting_clients', 'Clients that wait for acks.', [[core.waiting]])
      .gauge('replicated_log_oldest_wait_seconds', 'How long the first of them has waited.', [
        [core.oldestWaitMs(now) / 1000],
      ])
      .gauge(
        'replicated_log_read_only',
        'Whether appends are refused for want of a quorum, or for good.',
        [[Number(status === 'read-only')]],
      )
      .gauge(
        'replicated_log_status',
        'What GET /health says: 1 for the status that it is.',
        STATUSES.map((each) => [Number(each === status), { status: each }]),
      )
      .gauge('replicated_log_quorum_required', 'Nodes that must be available for appends.', [
        [required],
      ])
      .gauge('replicated_log_quorum_available', 'Nodes that are, the master included.', [
        [available],
      ]);
    return this.#addSecondaries(page, core.secondaries(now), now);
  }

  #addSecondaries(page: Exposition, all: readonly SecondaryHealth[], now: number): Exposition {
    const each = (value: (health: SecondaryHealth) => number): Sample[] =>
      all.map((health) => [value(health), { secondary: health.id }]);
    return page
      .gauge(
        'replicated_log_secondary_status',
        'What the failure detector says: 1 for the status that it is.',
        all.flatMap(({ id, status }): Sample[] =>
          SECONDARY_STATUSES.map((one) => [Number(one === status), { secondary: id, status: one }]),
        ),
      )
      .gauge(
        'replicated_log_secondary_acked_length',
        'Messages that it has stated to show.',
        each(({ length }) => length),
      )
      .gauge(
        'replicated_log_secondary_lag_entries',
        'Messages of the master that it has not.',
        each(({ lag }) => lag),
      )
      .gauge(
        'replicated_log_secondary_lag_seconds',
        'How old the first message is that it has not, to a tenth of a second.',
        each(({ length, lag }) => (lag === 0 ? 0 : this.#marks.msSince(length, now) / 1000)),
      )
      .counter(
        'replicated_log_replication_attempts_total',
        'Streams that were opened, and attempts that failed.',
        all.flatMap(({ id }): Sample[] => [
          [this.#of(id).opened, { secondary: id, result: 'opened' }],
          [this.#of(id).failed, { secondary: id, result: 'failed' }],
        ]),
      )
      .counter(
        'replicated_log_replication_sent_bytes_total',
        'Bytes of frames that were sent.',
        each(({ id }) => this.#of(id).sentBytes),
      );
  }
}
