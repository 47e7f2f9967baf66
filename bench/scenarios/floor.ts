/** Starts the floor that every scenario of appends is compared with. */
import { startScript } from '../measure/processes.ts';

export async function startFloor() {
  const { port, pid } = await startScript('bench/targets/floor.ts');
  return { port, pids: { floor: pid } };
}
