/** Writes on the master with w=1, and reads it at once on every node, however far behind that is. */
import { ReplicatedLogClient } from '../src/client.ts';
import { nodes, token } from './nodes.ts';

const writer = new ReplicatedLogClient({ nodes, token });
const { seq } = await writer.append('mine', { w: 1 });

for (const node of nodes) {
  const reader = new ReplicatedLogClient({ nodes: [node], token });
  // `minSeq` is what a client tells another one; for its own appends `afterMyWrites: true` says the same.
  const { messages } = await reader.read({ from: seq, limit: 1, minSeq: seq });
  const { nodeId } = await reader.health();
  console.log(`${nodeId} shows '${messages[0]}' at seq ${seq}`);
}
