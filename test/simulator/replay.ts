/** The command that prints all events of a seed. */
export function replayCommand(seed: number): string {
  return `make simulate SEED=${seed} TRACE=1`;
}
