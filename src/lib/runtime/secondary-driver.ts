/** Runs the core of a secondary: heartbeats, frames, random draws for its faults. Decides nothing. */
import type { SecondaryPort } from '../api/ports.ts';
import type { Replica } from '../core/log/replica.ts';
import type { Frame, Heartbeat, HeartbeatRequest } from '../core/protocol.ts';
import {
  type Faults,
  type FrameAnswer,
  Secondary,
  type SecondaryConfig,
} from '../core/secondary.ts';
import type { Exposition } from '../wire/exposition.ts';
import { NodeDriver } from './driver.ts';
import type { Logger } from './logger.ts';

export class SecondaryDriver extends NodeDriver implements SecondaryPort {
  readonly core: Secondary;
  readonly #random: () => number;

  /** @param random draws the numbers that are compared with the fault rates */
  constructor(config: SecondaryConfig, random: () => number, logger: Logger, replica: Replica) {
    super(config.nodeId, 'secondary', logger);
    this.#random = random;
    this.core = new Secondary(config, (event) => logger.logEvent(event), replica);
  }

  heartbeat(request: HeartbeatRequest | null): Heartbeat {
    const answer = this.core.heartbeat(request);
    this.after();
    return answer;
  }

  receive(frame: Frame, onAnswer: (answer: FrameAnswer) => void): void {
    const { from, messages } = frame;
    this.logger.debug('frame', { from, count: messages.ends.length });
    const draws = [this.#random(), this.#random()] as const;
    this.core.receive(frame, draws, this.now(), onAnswer);
    this.after();
  }

  setFaults(faults: Partial<Faults>): void {
    this.core.setFaults(faults);
    this.tick();
  }

  protected override addFamilies(page: Exposition): Exposition {
    const { applied, refused, duplicates } = this.core.counts;
    return page
      .gauge('replicated_log_held_messages', 'Messages received that are not shown yet.', [
        [this.core.held],
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
}
