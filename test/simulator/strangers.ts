/** Frames that no master of this cluster has sent in this form: pushed by hand, or sent to the wrong machine. */

import { HELD_MESSAGES_MAX } from '../../src/lib/core/log/hold-back.ts';
import { packMessages } from '../../src/lib/core/log/messages.ts';
import { frameOf } from './frames.ts';
import { must, mustEqual } from './invariant-ids.ts';
import type { MasterHost } from './master-host.ts';
import type { SecondaryHost } from './secondary-host.ts';
import type { Simulation } from './simulation.ts';

/** Pushes a frame by hand that is too far ahead to be held back. */
export function strayFrame(simulation: Simulation, host: SecondaryHost): void {
  if (!host.isUp || host.isPaused || host.core.logId === null) return;
  const { logId, epoch, length } = host.core;
  const from = length + HELD_MESSAGES_MAX + 1000 + simulation.pick(1000);
  const messages = packMessages(['stray']);
  const frame = { logId, epoch, writer: '', from, messages, keys: [], epochs: null };
  host.later(0, () => {
    host.receive(frame, ({ kind }) => {
      mustEqual('bounded', kind, 'refused', `${host.id}: a frame far ahead is refused`);
    });
  });
}

/** Pushes another text for a seq that is taken. */
export function contradict(host: SecondaryHost): void {
  if (!host.isUp || host.isPaused) return;
  host.later(0, () => {
    const { logId, epoch, writer, log, faults } = host.core;
    if (logId === null || log.length === 0 || faults.delayMs > 0) return;
    const messages = packMessages(['something else']);
    const frame = { logId, epoch, writer, from: log.length, messages, keys: [], epochs: null };
    host.receive(frame, ({ kind }) => {
      mustEqual(
        'total-order',
        kind,
        'refused',
        `${host.id}: another text at a place that is taken is refused`,
      );
    });
  });
}

/**
 * The present master leaves out a part of its list of epochs that it believes the secondary has. The part is not
 * there, so it is not known where the two logs part.
 */
export function skipEpochs(simulation: Simulation, host: SecondaryHost): void {
  const master = masterOf(simulation, host);
  if (!host.isUp || host.isPaused || master === undefined || host.core.faults.delayMs > 0) return;
  host.later(0, () => {
    const { leadership, log } = master.core;
    const { length } = host.core.log;
    const offset = log.epochs.findIndex(({ firstSeq }) => firstSeq - 1 > length);
    if (leadership === null || offset < 1) return;
    const frame = { ...leadership, from: length + 1, messages: packMessages([]), keys: [] };
    // It must not continue, by chance, a part that the master has just sent.
    const part = { offset: offset + 1_000_000, hasMore: false };
    host.receive({ ...frame, epochs: log.epochs.slice(offset), part }, ({ kind }) => {
      mustEqual(
        'total-order',
        kind,
        'refused',
        `${host.id}: a list of epochs that begins too late is refused`,
      );
    });
    simulation.history.reached('epochs-skipped');
  });
}

/** The master that writes the log of this secondary; undefined if there is none now. */
function masterOf({ masters }: Simulation, { core }: SecondaryHost): MasterHost | undefined {
  return masters.find(
    (host) =>
      host.isUp &&
      host.core.leadership?.writer === core.writer &&
      host.core.leadership?.logId === core.logId,
  );
}

/** Prepares a newer ballot while a master starts, of a master that is never heard of again. */
export function outbid(simulation: Simulation, host: SecondaryHost): void {
  const isStarting = simulation.masters.some(({ isUp, core }) => isUp && core.leadership === null);
  if (!host.isUp || host.isPaused || host.core.logId === null || !isStarting) return;
  host.later(0, () => {
    const { logId, epoch } = host.core;
    if (logId === null) return;
    const prepare = { logId, epoch: epoch + 1, writer: 'somebody' };
    host.heartbeat({ prepare, bootId: null, completeFrom: null, committed: 0 });
    simulation.history.reached('outbid');
  });
}

/** Two frames of the present master come in the wrong order. */
export function openGap(simulation: Simulation, host: SecondaryHost): void {
  const { core, incarnation } = host;
  const master = masterOf(simulation, host);
  if (!host.isUp || host.isPaused || master === undefined || core.faults.delayMs > 0) return;
  const source = master.core;
  const { leadership, keys } = source;
  const first = core.log.length + 1;
  const last = Math.min(source.length, first + 1 + simulation.pick(4));
  if (leadership === null || last <= first || keys.runEnd(first) > first) return;
  const { cuts } = core.log;
  host.later(0, () => {
    if (core.log.length + 1 !== first) return;
    const { held } = core;
    host.receive(frameOf(source, leadership, null, first + 1, keys.runEnd(last)), () => {});
    if (core.held === held) return;
    host.receive(frameOf(source, leadership, null, first, first), (answer) => {
      if (answer.kind === 'refused' || host.incarnation !== incarnation || core.log.cuts !== cuts)
        return;
      simulation.history.reached('gap-closed');
      const { length } = core.log;
      must(
        'gap-closes',
        length > first || host.disk.isFull,
        `${host.id}: what was held back appears`,
      );
    });
  });
}

/**
 * A machine that belonged to another cluster takes the place of this one. Either it only heard of a log
 * there, or it has that log, complete. It is written under an old epoch, so no master here adopts it.
 */
export function plugIn(simulation: Simulation, host: SecondaryHost): void {
  if (!host.isUp || host.isPaused) return;
  host.crash(true);
  host.start();
  const hasLog = simulation.mischief(0.5);
  const { bootId } = host.core;
  const writer = hasLog ? 'another master' : '';
  const ballot = { epoch: hasLog ? 1 : 9, writer };
  // Each comes from a cluster of its own: two logs of one name would be one log.
  const logId = `elsewhere-${bootId}`;
  const frame = { logId, ...ballot, from: 1, messages: packMessages([]), keys: [] };
  const start = { epochs: [{ ...ballot, firstSeq: 1 }], bootId, completeFrom: 0 };
  host.later(0, () => {
    host.receive({ ...frame, ...(hasLog ? start : { epochs: null }) }, () => {});
    if (host.core.isComplete) simulation.history.reached('plugged-in-complete');
  });
  simulation.history.reached('plugged-in');
}
