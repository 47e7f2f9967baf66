/** A process that appends until it is killed, and prints how many entries are on the disk. */
import { writeSync } from 'node:fs';
import { append, open } from './support.ts';

const [path, round] = process.argv.slice(2) as [string, string];
const { replica, storage } = await open(path, {
  fsync: 'always',
  onSynced: () => {
    writeSync(1, `${storage.journal.durableLength}\n`);
    if (replica.log.length % 7 === 0) replica.cut(replica.log.length - 1);
    appendSome();
  },
});
if (replica.logId === null) replica.begin('L');
const ballot = { epoch: Number(round), writer: `writer-${round}` };
replica.promise(ballot);
appendSome();

function appendSome(): void {
  for (let count = 1; count <= 8; count += 1) {
    const first = replica.log.length + 1;
    const texts = Array.from({ length: count }, (_, i) => `message ${first + i}`);
    append(replica, texts, ballot, count > 4 ? `key-${round}-${first}` : undefined);
  }
}
