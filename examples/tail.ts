/** Follows the log, whichever nodes come and go.  examples/tail.ts [--from 1] [--count 10] */
import { type LogReset, ReplicatedLogClient } from '../src/client.ts';
import { nodes, numberOf, token } from './nodes.ts';

const client = new ReplicatedLogClient({ nodes, token });
let left = numberOf('count', Number.POSITIVE_INFINITY);

// Without this the tail would end with a LogResetError.
const onReset = ({ from, reason }: LogReset) => console.log(`reset from ${from}: ${reason}`);

for await (const { seq, message } of client.tail({ from: numberOf('from', 1), onReset })) {
  console.log(`${seq} ${message}`);
  left -= 1;
  if (left === 0) break;
}
