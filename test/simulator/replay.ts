/** The command that prints all events of a seed. */
export function replayCommand(seed: number, simulator: '' | 'elections' = ''): string {
  const elections = simulator === '' ? '' : ' ELECTIONS=1';
  return `make simulate SEED=${seed} TRACE=1${elections}`;
}
