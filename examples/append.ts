/** The quickest start: appends what you say, and tells who holds it.  examples/append.ts Hello world */
import { ReplicatedLogClient } from '../src/client.ts';
import { nodes, token } from './nodes.ts';

const client = new ReplicatedLogClient({ nodes, token });
const message = process.argv.slice(2).join(' ') || 'Hello';

const { seq, acked } = await client.append(message, { w: 'majority' });
console.log(`'${message}' is at seq ${seq}, on ${acked.join(', ')}`);
