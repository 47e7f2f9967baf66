/** The memory of a node's process, as the system counts it. */
import { readFile } from 'node:fs/promises';

/** What is resident now, in MiB. Only where `/proc` is. */
export async function residentMebibytes(node: { readonly pid: number }): Promise<number> {
  const status = await readFile(`/proc/${node.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

/** The most that ever was resident, in MiB. */
export async function peakMebibytes(node: { readonly pid: number }): Promise<number> {
  const status = await readFile(`/proc/${node.pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
}
