/** What a node's process takes of the machine, as the system counts it. Only where `/proc` is. */
import { readFile } from 'node:fs/promises';

/** Linux counts in hundredths of a second, whatever its own clock does (USER_HZ). */
const TICKS_PER_SECOND = 100;

/** What is resident now, in MiB. */
export async function residentMebibytes(node: { readonly pid: number }): Promise<number> {
  const status = await readFile(`/proc/${node.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

/** The most that ever was resident, in MiB. */
export async function peakMebibytes(node: { readonly pid: number }): Promise<number> {
  const status = await readFile(`/proc/${node.pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

/** The processor time it has had, in s: the same however busy the machine is with others. */
export async function cpuSeconds(node: { readonly pid: number }): Promise<number> {
  const stat = await readFile(`/proc/${node.pid}/stat`, 'utf8');
  // Behind the name, which may have spaces: state is the third field, utime and stime are 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
