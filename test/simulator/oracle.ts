/**
 * Small reference models of what the core computes, written again in the plainest way: a judge that asked
 * the core itself would be blind to its mistakes.
 */

import type { WriteConcern } from '../../src/lib/core/concerns/write-concern.ts';
import type { EpochStart } from '../../src/lib/core/log/epochs.ts';
import type { Ballot } from '../../src/lib/core/recovery/ballot.ts';

/** The smallest number of nodes that is more than half. */
export function majorityOf(nodes: number): number {
  let count = 0;
  while (2 * count <= nodes) count += 1;
  return count;
}

/** A write concern as a number of nodes. */
export function nodesAskedFor(w: WriteConcern, nodes: number): number {
  if (w === 'majority') return majorityOf(nodes);
  return w === 'all' ? nodes : w;
}

/** The start that covers the entry at `seq`. */
export function startOf(starts: readonly EpochStart[], seq: number): EpochStart | undefined {
  let covering: EpochStart | undefined;
  for (const start of starts) if (start.firstSeq <= seq) covering = start;
  return covering;
}

/** Whether `a` was taken after `b`; a ballot without a writer is the oldest of its epoch. */
export function isNewer(a: Ballot, b: Ballot): boolean {
  if (a.epoch !== b.epoch) return a.epoch > b.epoch;
  return a.writer > b.writer;
}

/** The answers to a candidate, with its own. */
export interface Heard {
  readonly nodes: number;
  readonly answered: number;
  /** Complete nodes with the log that is adopted. */
  readonly complete: number;
  readonly hasAnybodyLog: boolean;
  /** Nodes that are silent: they neither answered nor refused the connection. */
  readonly silent: number;
}

/** Whether these answers are enough: rules (a), (b) and (c) of the contract. */
export function mayTakeOver(heard: Heard): boolean {
  const { nodes, answered, complete, hasAnybodyLog, silent } = heard;
  if (hasAnybodyLog && complete > nodes - majorityOf(nodes)) return true;
  if (answered === nodes) return true;
  return !hasAnybodyLog && answered >= majorityOf(nodes) && silent === 0;
}
