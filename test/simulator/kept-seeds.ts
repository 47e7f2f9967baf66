/** Seeds that once found something: what it was. They are always run. */
export const KEPT_SEEDS: ReadonlyMap<number, string> = new Map([
  [22, 'a fetch that never began was taken for complete, as our own unshared tail was as long'],
  [66, 'a secondary that had begun another log still counted with what it had held before'],
  [1743, 'one node counted under two names, as one of them was said by an earlier run'],
  [5_005_823, 'an attempt to recover forgot what it had prepared before it tried another log'],
  [5935, 'a secondary that held another log was counted for the quorum of a recovery'],
  [100_608, 'an attempt to recover forgot which epoch an earlier one had prepared'],
  [100_899, 'a batch that had been held back was written in parts, and torn by a crash'],
  [110_305, 'a secondary that joined another log during the recovery was taken for none of ours'],
  [1018, 'a log of an epoch in between was taken for better than one the last master had filled'],
  [
    1458,
    'a tail waited at a node whose log went on otherwise, under a ballot older than the one it knew',
  ],
]);
