/** Loaded into a node by `--import`: measures the delays of its event loop, and prints them at its end. */
import { writeSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 1;

const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delays.enable();
process.once('exit', () => {
  const [p99Ms, maxMs] = [delays.percentile(99) / 1e6, delays.max / 1e6];
  writeSync(1, `${JSON.stringify({ event: 'event-loop', p99Ms, maxMs })}\n`);
});
