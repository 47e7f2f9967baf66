/** Measures the resident memory of a process. */
import { setTimeout as sleep } from 'node:timers/promises';
import { residentBytesOf } from './usage.ts';

const EVERY_MS = 5;

/** The resident memory before `work` and the most during it. */
export async function memoryDuring(
  pid: number,
  work: () => Promise<unknown>,
): Promise<{ readonly beforeBytes: number; readonly mostBytes: number }> {
  const beforeBytes = residentBytesOf(pid);
  let mostBytes = beforeBytes;
  const look = () => {
    mostBytes = Math.max(mostBytes, residentBytesOf(pid));
  };
  const timer = setInterval(look, EVERY_MS);
  try {
    await work();
    look();
    return { beforeBytes, mostBytes };
  } finally {
    clearInterval(timer);
  }
}

/** The resident memory of a process at rest: the least of what is seen in `forMs`. */
export async function restingBytes(pid: number, forMs: number): Promise<number> {
  let least = residentBytesOf(pid);
  for (let waited = 0; waited < forMs; waited += 100) {
    await sleep(100);
    least = Math.min(least, residentBytesOf(pid));
  }
  return least;
}
