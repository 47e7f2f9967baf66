/** A process that fills its directory until there is no room, prints the result, and ends. */
import { append, FIRST, open } from './support.ts';

const [path] = process.argv.slice(2) as [string];
const { replica, storage } = await open(path, { fsync: 'always' });
replica.begin('L');
let accepted = 0;
while (append(replica, ['x'.repeat(100 + (accepted % 10))], FIRST)) accepted += 1;
let refused = 0;
for (let i = 0; i < 3; i += 1) if (!append(replica, ['x'.repeat(10_000)])) refused += 1;
await storage.close();
const isDurableKnown = storage.journal.durableLength === accepted;
process.stdout.write(JSON.stringify({ accepted, refused, isDurableKnown }));
