/**
 * Work for the end of this turn of the event loop, when all that had arrived was read. One call of
 * `setImmediate` serves all that a turn brings.
 */
let due: (() => void)[] = [];

/** Runs `work`, which must not throw, when this turn of the event loop is over. */
export function afterTurn(work: () => void): void {
  if (due.length === 0) setImmediate(runAll);
  due.push(work);
}

function runAll(): void {
  const works = due;
  due = [];
  for (const work of works) work();
}
