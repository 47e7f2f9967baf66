/**
 * The process of the load generator. It plays one slice at a time, as its parent orders, and answers with the counts.
 * It is a process of its own, so that its CPU time is known.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ClosedLoop } from './closed-loop.ts';
import { Latencies, type Percentiles } from './latencies.ts';
import type { RequestSpec } from './protocol.ts';
import { protocolOf } from './protocols.ts';

export interface SliceSpec {
  readonly port: number;
  readonly request: RequestSpec;
  readonly connections: number;
  /** The least time from one request of a connection to its next; default 0. */
  readonly everyMs?: number;
  /** Load before the slice that is not measured, in ms. */
  readonly warmUpMs: number;
  /** Null for a slice that goes on until the order to end it. */
  readonly measureMs: number | null;
}

/** The counts of a slice. */
export interface SliceCount extends Percentiles {
  readonly requests: number;
  readonly elapsedMs: number;
  /** CPU of the load generator while it was measured, in ms. */
  readonly cpuMs: number;
}

/** An order of the parent: play this slice, or end the one that is played. */
export type WorkerOrder = SliceSpec | 'end';

export type WorkerAnswer =
  | { readonly kind: 'measuring' }
  | { readonly kind: 'measured' }
  | { readonly kind: 'done'; readonly count: SliceCount }
  | { readonly kind: 'failed'; readonly reason: string };

function say(answer: WorkerAnswer): void {
  process.send?.(answer);
}

let onEnd = () => {};

async function play(spec: SliceSpec): Promise<SliceCount> {
  const ended = new Promise<void>((resolve) => {
    onEnd = resolve;
  });
  const { warmUpMs, measureMs, request, ...options } = spec;
  const loop = new ClosedLoop({ ...options, newProtocol: () => protocolOf(request) });
  await Promise.race([loop.over, loop.begun]);
  await Promise.race([loop.over, sleep(warmUpMs)]);
  const latencies = new Latencies();
  const cpu = process.cpuUsage();
  const start = performance.now();
  say({ kind: 'measuring' });
  loop.recordIn(latencies);
  await Promise.race([loop.over, ended, ...(measureMs === null ? [] : [sleep(measureMs)])]);
  loop.recordIn(null);
  const elapsedMs = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  say({ kind: 'measured' });
  loop.end();
  await loop.over;
  const requests = latencies.count;
  return { requests, elapsedMs, cpuMs: (user + system) / 1000, ...latencies.percentiles() };
}

process.on('message', (order: WorkerOrder) => {
  if (order === 'end') {
    onEnd();
    return;
  }
  play(order).then(
    (count) => say({ kind: 'done', count }),
    (error: Error) => say({ kind: 'failed', reason: error.message }),
  );
});
process.on('disconnect', () => process.exit());
