/** The CPU time and resident memory of a process, as Linux reports them. */
import { readFileSync } from 'node:fs';

/** Linux counts CPU time in hundredths of a second, on every machine it runs on today. */
const TICK_MS = 10;

/** User and system time of a process so far, in ms. */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The name in brackets may have spaces, so the fields are counted behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Resident memory of a process now, in bytes. */
export function residentBytesOf(pid: number): number {
  return (
    1024 * Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  );
}

/** The CPU time of all cores together so far, in ms. */
export function machineCpuMs(): number {
  const line = readFileSync('/proc/stat', 'latin1').split('\n', 1)[0] as string;
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0] = line
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softIrq) * TICK_MS;
}
