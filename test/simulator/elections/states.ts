/**
 * States that some simulation must reach, or the simulator does not test what matters. The first fourteen are the cases
 * in which clusters that elect a master have lost entries, or stood still.
 */
export const INTERESTING_STATES: readonly string[] = [
  // An empty member answers a candidate, and its answer is no vote.
  'incomplete-no-vote',
  // A member obeys an older master than it had promised before its disk was lost.
  'promise-forgotten',
  // A master meets one member in two runs.
  'one-member-across-restart',
  // The entry of a deposed master was lost, and the retry with its key is appended.
  'lost-key-appended',
  'half-refilled-restarts',
  'member-returns',
  'no-quorum-but-heard',
  'cut-from-master-alone',
  'old-master-wakes',
  'master-disk-hangs',
  'masters-write-nothing',
  // A master takes over with entries of an older epoch that are not committed.
  'older-epoch-uncommitted',
  'handover-broke',
  'asymmetric-cut',
  'all-disks-but-one',
  // And what else must happen.
  'became-complete',
  'beyond-the-promise',
  'candidate-cut',
  'crash-in-handover',
  'disk-full',
  'duplicate',
  'handover-done',
  'linearizable-master',
  'linearizable-secondary',
  'log-cut',
  'loss-accepted-by-master',
  'master-gone',
  'member-admitted',
  'members-mismatch',
  'no-majority',
  'read-fenced',
  'returned-in-peace',
  'stopped',
  'tail',
  'there-is-a-master',
  'twice',
  'waits-for-handover',
];
