/** The memory and CPU time of a node's process; only on systems with `/proc`. */
import { readFile } from 'node:fs/promises';

/** Linux counts in hundredths of a second, whatever its own clock does (USER_HZ). */
const TICKS_PER_SECOND = 100;

/** Resident memory now, in MiB. */
export async function residentMebibytes(node: { readonly pid: number }): Promise<number> {
  const status = await readFile(`/proc/${node.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

/** The largest resident memory so far, in MiB. */
export async function peakMebibytes(node: { readonly pid: number }): Promise<number> {
  const status = await readFile(`/proc/${node.pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

/** The CPU time so far, in s; it does not depend on other load of the machine. */
export async function cpuSeconds(node: { readonly pid: number }): Promise<number> {
  const stat = await readFile(`/proc/${node.pid}/stat`, 'utf8');
  // Behind the name, which may have spaces: state is the third field, utime and stime are 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
