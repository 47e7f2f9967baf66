/**
 * The container engine, which a busy machine can have refuse what it does a moment later (a freezer that
 * times out, a network that is still being left). That says nothing about the log, so commands are given
 * until what they are for is there.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { sleep } from './http.ts';

/** How long a command is given again until it must have had its effect, in ms. */
const EFFECT_MS = 20_000;
const PAUSE_MS = 100;
/** Runs a command of any program; rejects if it fails. */
export const run = promisify(execFile);

/** Gives the engine one command; resolves to what it prints, rejects with what it complains of. */
export async function docker(...args: string[]): Promise<string> {
  return (await run('docker', args)).stdout;
}

/**
 * Gives `command` until it succeeds, or `hasEffect` finds that it had its effect though it failed;
 * rejects with its last complaint after `deadlineMs`.
 */
export async function insist(
  command: () => Promise<unknown>,
  hasEffect: () => Promise<boolean>,
  deadlineMs = EFFECT_MS,
): Promise<void> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    try {
      await command();
      return;
    } catch (error) {
      if (await hasEffect()) return;
      if (performance.now() > end) throw error;
      console.error(`the engine refused, and is asked again: ${(error as Error).message.trim()}`);
    }
    await sleep(PAUSE_MS);
  }
}
