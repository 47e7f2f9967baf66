/** Bugs of a master that starts: whom it asks, what it claims, which log it goes on with. */
import type { Mutant } from './mutant.ts';

export const ON_RECOVERY: readonly Mutant[] = [
  {
    name: 'the longest log is taken for the best, whoever wrote it',
    file: 'recovery.ts',
    text: 'compareBallots(b.newest, a.newest) ||',
    replacement: '',
  },
  {
    name: 'the shortest log is taken for the best',
    file: 'recovery.ts',
    text: 'compareBallots(b.newest, a.newest) || b.length - a.length ||',
    replacement: 'compareBallots(b.newest, a.newest) || a.length - b.length ||',
  },
  {
    name: 'the log of the first to answer is taken for the best',
    file: 'recovery.ts',
    text: 'compareBallots(b.newest, a.newest) || b.length - a.length ||',
    replacement: '',
  },
  {
    name: 'the oldest epoch is taken for the best',
    file: 'recovery.ts',
    text: 'compareBallots(b.newest, a.newest) ||',
    replacement: 'compareBallots(a.newest, b.newest) ||',
  },
  {
    name: 'a log counts as written under the newest epoch its node has heard of',
    file: 'recovery.ts',
    text: '{ epoch: standing.lastEpoch, writer: standing.lastWriter }',
    replacement: '{ epoch, writer: standing.writer }',
  },
  {
    name: 'only its own log is gone on with',
    file: 'recovery.ts',
    text: 'if (best === null || best.secondary === null || best.length === 0) {',
    replacement: 'if (best === null || best.length >= 0) {',
  },
  {
    name: 'a recovery goes on without a quorum',
    file: 'recovery.ts',
    text: 'if (nodes >= nodesRequired) return true;',
    replacement: 'if (nodes >= Math.min(1, nodesRequired)) return true;',
  },
  {
    name: 'a secondary that did not answer the survey counts as one that did',
    file: 'recovery.ts',
    text: 'if (this.#asked.delete(secondary)) this.#concludeRound();',
    replacement: `const nothing = { logId: null, epoch: 0, length: 0, standing: null };
    if (!this.#asked.delete(secondary)) return;
    this.#answers.set(secondary, { nodeId: '', bootId: '', ...nothing });
    this.#concludeRound();`,
  },
  {
    name: 'a secondary with another log counts for the quorum',
    file: 'recovery.ts',
    text: 'if (isForeign || isDeaf(answer, claim)) this.#uncounted.add(secondary);',
    replacement: `if (isDeaf(answer, claim)) this.#uncounted.add(secondary);
      else if (isForeign) continue;`,
  },
  {
    name: 'an attempt to recover forgets what an earlier one has claimed',
    file: 'recovery.ts',
    text: 'this.#met.set(logId, this.#claim);',
    replacement: '',
  },
  {
    name: 'a survey ends with the first answer',
    file: 'recovery.ts',
    text: 'if (this.#asked.size > 0) return;\n',
    replacement: 'if (this.#asked.size > 0 && this.#answers.size === 0) return;\n',
  },
  {
    name: 'the epoch is not increased',
    file: 'ballot.ts',
    text: 'epoch: seen.epoch + 1, writer',
    replacement: 'epoch: Math.max(1, seen.epoch), writer',
  },
  {
    name: 'the next epoch is that after its own, whatever the secondaries have seen',
    file: 'recovery.ts',
    text: 'if (answer.logId === logId) seen = newerBallot(seen, ballotOf(answer));',
    replacement: 'if (answer.logId === logId) seen = newerBallot(seen, NO_BALLOT);',
  },
  {
    name: 'a new log is begun though somebody has one',
    file: 'recovery.ts',
    text: 'bestLog(this.#candidates()) ?? newLogId',
    replacement: 'this.#replica.logId ?? newLogId',
  },
  {
    name: 'a claim is made to nobody',
    file: 'recovery.ts',
    text: 'this.#effects.survey(secondary, this.#claim);',
    replacement: 'this.#effects.survey(secondary, null);',
  },
  {
    name: 'a master that was outbid while it started goes on',
    file: 'recovery.ts',
    text: 'if (isOfAnother(answer, claim) || compareBallots(ballotOf(answer), claim) > 0) {',
    replacement: 'if (claim.epoch === 0) {',
  },
  {
    name: 'a secondary that could not take in the claim counts for the quorum',
    file: 'recovery.ts',
    text: 'if (isForeign || isDeaf(answer, claim)) this.#uncounted.add(secondary);',
    replacement: `if (isForeign) this.#uncounted.add(secondary);
      else if (isDeaf(answer, claim)) continue;`,
  },
  {
    name: 'a fetch that broke in the middle is taken for complete',
    file: 'recovery.ts',
    text: 'if (this.#isCompared && this.#replica.log.length >= best.length) this.#takeOver();',
    replacement: 'if (this.#isCompared && best.length >= 0) this.#takeOver();',
  },
  {
    name: 'a fetch that never began is taken for complete if our own log is long enough',
    file: 'recovery.ts',
    text: 'if (this.#isCompared && this.#replica.log.length >= best.length) this.#takeOver();',
    replacement: 'if (this.#replica.log.length >= best.length) this.#takeOver();',
  },
  {
    name: 'a master that has recovered begins no epoch of its own',
    file: 'recovery.ts',
    text: 'if (!this.#replica.beginEpoch(claim)) {',
    replacement: 'if (claim.epoch === 0) {',
  },
  {
    name: 'a recovery that came to nothing is not tried again',
    file: 'master.ts',
    text: 'this.#recoverAt = this.#now + this.#restMs;',
    replacement: '',
  },
];
