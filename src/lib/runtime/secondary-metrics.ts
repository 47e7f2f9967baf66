/** What a secondary tells of the frames it gets. */
import type { Secondary } from '../core/secondary.ts';
import { ProcessMetrics } from './process-metrics.ts';

export class SecondaryMetrics {
  readonly #process: ProcessMetrics;

  constructor(nodeId: string) {
    this.#process = new ProcessMetrics(nodeId, 'secondary');
  }

  /** The page of `GET /metrics`. */
  text(core: Secondary): string {
    const { applied, refused, duplicates } = core.counts;
    return this.#process
      .page(core)
      .gauge('replicated_log_held_messages', 'Messages received that are not shown yet.', [
        [core.held],
      ])
      .counter(
        'replicated_log_duplicate_entries_total',
        'Messages received that were here already.',
        [[duplicates]],
      )
      .counter('replicated_log_frames_total', 'Frames that were taken in, or not.', [
        [applied, { result: 'applied' }],
        [refused, { result: 'refused' }],
      ])
      .text();
  }
}
