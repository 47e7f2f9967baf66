/**
 * Quorum: a majority of master + configured secondaries. Two majorities of one cluster always share
 * a node, which is what lets a later master find what an earlier one was trusted with.
 */

/** The smallest number of nodes that is more than half of `nodes`. */
export function majorityOf(nodes: number): number {
  return Math.floor(nodes / 2) + 1;
}
