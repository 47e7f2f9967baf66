/** Tests wait for a condition with a deadline, never for a time. */

/** How long a test waits for a condition, in ms; generous, because machines are slow at times. */
export const DEADLINE_MS = 20_000;
const POLL_MS = 10;
/** A probe that hangs is given up and tried again: node 20's `fetch` can lose a reset connection. */
const PROBE_MS_MAX = 3000;

/** Polls until `probe` gives something other than undefined, null or false; an error names `what`. */
export async function waitFor<Value>(
  what: string,
  probe: () => Value | Promise<Value>,
  deadlineMs = DEADLINE_MS,
): Promise<NonNullable<Exclude<Value, false>>> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const value = await withinProbeTime(probe);
    if (value !== undefined && value !== null && value !== false) {
      return value as NonNullable<Exclude<Value, false>>;
    }
    if (performance.now() > end) throw new Error(`waited ${deadlineMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function withinProbeTime<Value>(
  probe: () => Value | Promise<Value>,
): Promise<Value | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, PROBE_MS_MAX, undefined);
  });
  try {
    return await Promise.race([probe(), timeUp]);
  } finally {
    clearTimeout(timer);
  }
}
