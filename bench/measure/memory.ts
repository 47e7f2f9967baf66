/** How much resident memory a process takes while something is done with it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { residentBytesOf } from './usage.ts';

const EVERY_MS = 5;

export interface Memory<Value> {
  readonly value: Value;
  readonly beforeBytes: number;
  readonly mostBytes: number;
}

/** Watches the process until `work` is done. */
export async function memoryDuring<Value>(
  pid: number,
  work: () => Promise<Value>,
): Promise<Memory<Value>> {
  const beforeBytes = residentBytesOf(pid);
  let mostBytes = beforeBytes;
  const look = () => {
    mostBytes = Math.max(mostBytes, residentBytesOf(pid));
  };
  const timer = setInterval(look, EVERY_MS);
  try {
    const value = await work();
    look();
    return { value, beforeBytes, mostBytes };
  } finally {
    clearInterval(timer);
  }
}

/** Resident memory when a process has come to rest: the least of what is seen in this time. */
export async function restingBytes(pid: number, forMs: number): Promise<number> {
  let least = residentBytesOf(pid);
  for (let waited = 0; waited < forMs; waited += 100) {
    await sleep(100);
    least = Math.min(least, residentBytesOf(pid));
  }
  return least;
}
