/**
 * Appends numbered messages, and shows that none is lost or doubled. Hurt the cluster meanwhile: stop
 * and start the master (`make stop NODE=master`, `make start NODE=master`), or a secondary.
 *   examples/survive-restart.ts [--count 100] [--every-ms 100]
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ReplicatedLogClient } from '../src/client.ts';
import { nodes, numberOf, token } from './nodes.ts';

const client = new ReplicatedLogClient({ nodes, token });
const [count, everyMs] = [numberOf('count', 100), numberOf('every-ms', 100)];
const run = `run ${Date.now()}`;

let epoch = 0;
for (let number = 1; number <= count; number += 1) {
  const receipt = await client.append(`${run}: ${number}`, { w: 'majority' });
  if (receipt.epoch !== epoch) console.log(`${number}: a master of epoch ${receipt.epoch}`);
  epoch = receipt.epoch;
  await sleep(everyMs);
}

const seen: string[] = [];
for await (const { message } of client.readAll({ afterMyWrites: true })) {
  if (message.startsWith(`${run}: `)) seen.push(message.slice(run.length + 2));
}
const isWhole = seen.length === count && seen.every((text, index) => text === String(index + 1));
console.log(
  `${count} appended, ${seen.length} in the log, ${isWhole ? 'each once, in order' : 'WRONG'}`,
);
process.exitCode = isWhole ? 0 : 1;
