/**
 * The process that loads. It plays one slice at a time, as its parent says, and answers with what it
 * counted; a process of its own, so that its CPU can be told from all others.
 */
import { ClosedLoop } from './closed-loop.ts';
import { Latencies, type Percentiles } from './latencies.ts';
import type { RequestSpec } from './protocol.ts';
import { protocolOf } from './protocols.ts';

export interface SliceSpec {
  readonly port: number;
  readonly request: RequestSpec;
  readonly connections: number;
  /** Load that does not count, to begin with, in ms. */
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** What a slice counted. */
export interface SliceCount extends Percentiles {
  readonly requests: number;
  readonly elapsedMs: number;
  /** CPU of the load generator while it was measured, in ms. */
  readonly cpuMs: number;
}

export type WorkerAnswer =
  | { readonly kind: 'measuring' }
  | { readonly kind: 'measured' }
  | { readonly kind: 'done'; readonly count: SliceCount }
  | { readonly kind: 'failed'; readonly reason: string };

function say(answer: WorkerAnswer): void {
  process.send?.(answer);
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function play(spec: SliceSpec): Promise<SliceCount> {
  const { port, connections, warmUpMs, measureMs } = spec;
  const newProtocol = () => protocolOf(spec.request);
  const loop = new ClosedLoop({ port, connections, newProtocol });
  await Promise.race([loop.over, sleep(warmUpMs)]);
  const latencies = new Latencies();
  const cpu = process.cpuUsage();
  const start = performance.now();
  say({ kind: 'measuring' });
  loop.recordIn(latencies);
  await Promise.race([loop.over, sleep(measureMs)]);
  loop.recordIn(null);
  const elapsedMs = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  say({ kind: 'measured' });
  loop.end();
  await loop.over;
  const requests = latencies.count;
  return { requests, elapsedMs, cpuMs: (user + system) / 1000, ...latencies.percentiles() };
}

process.on('message', (spec: SliceSpec) => {
  play(spec).then(
    (count) => say({ kind: 'done', count }),
    (error: Error) => say({ kind: 'failed', reason: error.message }),
  );
});
process.on('disconnect', () => process.exit());
