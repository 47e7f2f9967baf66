/** Seeds that once found something: what it was. They are always run. */
export const KEPT_SEEDS: ReadonlyMap<number, string> = new Map([
  [3, 'a master whose disk was slow looked at it without pause, and nothing else happened'],
  [10, 'who stood heard a master meanwhile, and went on and deposed it'],
  [78, 'a member that was stopping was woken without pause, to stand, and did not stand'],
  [86, 'a heartbeat for an earlier run of a member counted as hearing the master'],
  [
    108,
    'a poll from before the election of the master came late, and the master was taken for gone',
  ],
  [238, 'a tail of committed entries was reset at a deposed master by what that had written alone'],
  [
    243,
    'an epoch was in the list twice, as one in between had written nothing; nobody took that list',
  ],
  [635, 'a handover was offered to a run of a member that was over, and the next one was told'],
  [1312, 'no member of a new log was admitted while one of them was away, and the log stood still'],
  [250, 'a member was told of a handover that was over'],
]);
