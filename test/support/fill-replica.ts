/**
 * Fills a replica with entries of one shape. Prints the bytes that it counts for them, and how much its resident
 * memory grew. It is a process of its own, so that its heap has nothing else. Requires `--expose-gc`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { packMessages } from '../../src/lib/core/log/messages.ts';
import { Replica } from '../../src/lib/core/log/replica.ts';

const [messageLength, perAppend, keyLength, countedBytes] = process.argv.slice(2).map(Number) as [
  number,
  number,
  number,
  number,
];
/** Less is no news. */
const NOTABLE_BYTES = 500_000;
const ballot = { epoch: 1, writer: 'w' };

/** The resident memory once collecting garbage gives nothing back any more; on a busy machine that takes a while. */
async function resting(): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let rounds = 0, last = 0; rounds - last < 10 && rounds < 200; rounds += 1) {
    globalThis.gc?.();
    await sleep(20);
    const now = process.memoryUsage.rss();
    if (now < least - NOTABLE_BYTES) last = rounds;
    least = Math.min(least, now);
  }
  return least;
}

function fill(replica: Replica, bytesMax: number): void {
  const packed = packMessages(new Array<string>(perAppend).fill('x'.repeat(messageLength)));
  for (let append = 0; replica.bytes < bytesMax; append += 1) {
    const first = replica.log.length + 1;
    const key = String(append).padStart(keyLength, '-');
    const keys = keyLength === 0 ? [] : packed.ends.map((_, i) => [first + i, key] as const);
    if (!replica.append(packed, ballot, keys)) throw new Error('there is no room');
  }
}

// What code and heap take without entries.
fill(new Replica(), countedBytes / 8);
const before = await resting();
const replica = new Replica();
fill(replica, countedBytes);
const after = await resting();
process.stdout.write(JSON.stringify({ counted: replica.bytes, grown: after - before }));
