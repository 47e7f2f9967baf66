/** Follows the log, whichever nodes come and go.  examples/tail.ts [--from 1] [--count 10] */
import { ReplicatedLogClient } from '../src/client.ts';
import { nodes, numberOf, token } from './nodes.ts';

const client = new ReplicatedLogClient({ nodes, token });
let left = numberOf('count', Number.POSITIVE_INFINITY);

for await (const { seq, message } of client.tail({ from: numberOf('from', 1) })) {
  console.log(`${seq} ${message}`);
  left -= 1;
  if (left === 0) break;
}
