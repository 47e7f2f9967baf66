/**
 * Which run of the machine this is. What was written and not synced outlives the process, but not the
 * machine: with `FSYNC=never` a node may vouch for its entries only while the same run goes on.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** The name of this run of the machine's kernel; where the system tells none, one that never comes back. */
export function machineRun(path = '/proc/sys/kernel/random/boot_id'): string {
  try {
    return readFileSync(path, 'utf8').trim() || randomUUID();
  } catch {
    return randomUUID();
  }
}
