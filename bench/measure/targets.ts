/** What can be loaded: where, with what, and which processes work for it. */
import type { RequestSpec } from '../load/protocol.ts';
import type { SliceSpec } from '../load/worker.ts';
import type { LoadGenerator, Slice } from './load.ts';

export interface Target {
  readonly name: string;
  readonly port: number;
  readonly request: RequestSpec;
  readonly connections: number;
  /** Messages in one request; default 1. */
  readonly messages?: number;
  /** Processes whose CPU is measured, by name. */
  readonly pids: Readonly<Record<string, number>>;
}

export interface SliceTimes {
  readonly rounds: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** The slices of each target, in the order of the rounds. */
export type Rounds = ReadonlyMap<string, readonly Slice[]>;

/**
 * Loads all targets in turn, a short slice each, round by round, so that what else the machine does
 * falls on all of them alike. Every second round goes backwards. One round before is not counted.
 */
export async function alternate(
  load: LoadGenerator,
  targets: readonly Target[],
  { rounds, ...times }: SliceTimes,
): Promise<Rounds> {
  const slices = new Map<string, Slice[]>(targets.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const target of round % 2 === 0 ? targets : targets.toReversed()) {
      const { port, request, connections, pids } = target;
      const spec: SliceSpec = { port, request, connections, ...times };
      const slice = await load.play(spec, pids);
      if (round > 0) slices.get(target.name)?.push(slice);
    }
  }
  return slices;
}
