/**
 * Runs work at the end of this turn of the event loop, when everything that had arrived was read. One
 * `setImmediate` serves all work of a turn.
 */
let due: (() => void)[] = [];

/** Runs `work`, which must not throw, at the end of this turn of the event loop. */
export function afterTurn(work: () => void): void {
  if (due.length === 0) setImmediate(runAll);
  due.push(work);
}

function runAll(): void {
  const works = due;
  due = [];
  for (const work of works) work();
}
