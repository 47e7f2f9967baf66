/** The one command that tells the story of a seed. */
export function replayCommand(seed: number): string {
  return `make simulate SEED=${seed} TRACE=1`;
}
