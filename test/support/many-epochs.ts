/** A directory whose log was written under as many epochs as it has entries, as if masters came and went. */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { packMessages } from '../../src/lib/core/log/messages.ts';
import { FORMAT } from '../../src/lib/storage/record.ts';
import { RecordBuffer } from '../../src/lib/storage/record-buffer.ts';

const PIECE_BYTES = 4 * 1024 * 1024;

/** Makes the directory of a node that holds log L: the entry at seq n, `n`, of epoch n, writer `w<n>`. */
export function makeManyEpochs(directory: string, epochs: number): void {
  mkdirSync(directory, { recursive: true });
  const fd = openSync(join(directory, 'log.ndjson'), 'w');
  const records = new RecordBuffer();
  records.add({ format: FORMAT, logId: 'L' });
  for (let epoch = 1; epoch <= epochs; epoch += 1) {
    records.add({ epoch, writer: writerOf(epoch), from: epoch });
    records.addEntries(epoch, packMessages([String(epoch)]), epoch, []);
    if (records.length < PIECE_BYTES) continue;
    writeSync(fd, records.bytes);
    records.clear();
  }
  writeSync(fd, records.bytes);
  closeSync(fd);
}

/** As long as the names that masters draw. */
function writerOf(epoch: number): string {
  return `master-${epoch.toString(16).padStart(16, '0')}`;
}
