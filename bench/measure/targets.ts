/** Targets of the load: where it goes, which request, and which processes work for it. */
import type { RequestSpec } from '../load/protocol.ts';
import type { SliceTimes } from '../settings.ts';
import type { LoadGenerator, Slice } from './load.ts';
import { appendRequest } from './requests.ts';

export interface Target {
  /** `floor`, `w=3`, `redis` ... */
  readonly kind: string;
  /** How it differs from others of its kind, such as `1024 connections`; may be empty. */
  readonly variant: string;
  readonly port: number;
  readonly request: RequestSpec;
  readonly connections: number;
  /** Messages in one request. */
  readonly messages: number;
  /** Processes whose CPU is measured, by name. */
  readonly pids: Readonly<Record<string, number>>;
  /** Called again and again beside the load. */
  readonly beside?: () => Promise<unknown>;
}

/** The slices of each target, in the order of the rounds. */
export type Rounds = ReadonlyMap<Target, readonly Slice[]>;

export interface AppendOptions {
  readonly w?: number;
  readonly variant?: string;
  readonly bytes?: number;
  readonly messages?: number;
  readonly connections?: number;
  /** Whether each append has an idempotency key of its own. */
  readonly isKeyed?: boolean;
}

/** The target of appends to the floor or a master. */
export function appending(
  kind: string,
  { port, pids }: Pick<Target, 'port' | 'pids'>,
  {
    w = 1,
    variant = '',
    bytes = 100,
    messages = 1,
    connections = 64,
    isKeyed = false,
  }: AppendOptions = {},
): Target {
  const request = { ...appendRequest(bytes, messages, w), isKeyed };
  return { kind, variant, port, request, connections, messages, pids };
}

/**
 * Loads all targets in turn, a short slice each, in several rounds, so that other load of the machine affects all of
 * them alike. Every second round has the reverse order. A first round does not count.
 */
export async function alternate(
  load: LoadGenerator,
  targets: readonly Target[],
  times: SliceTimes,
): Promise<Rounds> {
  const slices = new Map<Target, Slice[]>(targets.map((target) => [target, []]));
  for (let round = 0; round <= times.rounds; round += 1) {
    const measureMs = round === 0 ? times.firstMs : times.measureMs;
    for (const target of round % 2 === 0 ? targets : targets.toReversed()) {
      const slice = await playSlice(load, target, times.warmUpMs, measureMs);
      if (round > 0) slices.get(target)?.push(slice);
    }
  }
  return slices;
}

async function playSlice(
  load: LoadGenerator,
  { port, request, connections, pids, beside }: Target,
  warmUpMs: number,
  measureMs: number,
): Promise<Slice> {
  let isOver = false;
  const slice = load.play({ port, request, connections, warmUpMs, measureMs }, pids);
  const over = slice.finally(() => {
    isOver = true;
  });
  // It is awaited below; an earlier failure must not count as unhandled.
  over.catch(() => {});
  while (beside !== undefined && !isOver) await beside();
  return over;
}
