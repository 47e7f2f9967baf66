/** Bugs of a master that starts: whom it asks, what it prepares, which log it goes on with. */
import type { Mutant } from './mutant.ts';

export const ON_RECOVERY: readonly Mutant[] = [
  {
    name: 'the longest log is taken for the best, whoever wrote it',
    file: 'recovery/recovery.ts',
    text: 'compareBallots(b.newest, a.newest) ||',
    replacement: '',
  },
  {
    name: 'the shortest log is taken for the best',
    file: 'recovery/recovery.ts',
    text: 'compareBallots(b.newest, a.newest) || b.length - a.length ||',
    replacement: 'compareBallots(b.newest, a.newest) || a.length - b.length ||',
  },
  {
    name: 'the log of the first to answer is taken for the best',
    file: 'recovery/recovery.ts',
    text: 'compareBallots(b.newest, a.newest) || b.length - a.length ||',
    replacement: '',
  },
  {
    name: 'the oldest epoch is taken for the best',
    file: 'recovery/recovery.ts',
    text: 'compareBallots(b.newest, a.newest) ||',
    replacement: 'compareBallots(a.newest, b.newest) ||',
  },
  {
    name: 'a log counts as written under the newest epoch its node has heard of',
    file: 'recovery/recovery.ts',
    text: 'epoch: prepareReply.lastEpoch, writer: prepareReply.lastWriter',
    replacement: 'epoch, writer: prepareReply.writer',
  },
  {
    name: 'only its own log is gone on with',
    file: 'recovery/recovery.ts',
    text: 'if (best === null || best.secondary === null) {',
    replacement: 'if (best === null || best.length >= 0) {',
  },
  {
    name: 'a recovery goes on with whoever answers',
    file: 'recovery/completeness.ts',
    text: "if (!needsQuorum) return { rule: 'whoever-answers' };",
    replacement: "if (!needsQuorum || nodes > 0) return { rule: 'whoever-answers' };",
  },
  {
    name: 'a secondary that did not answer the poll counts as one that did',
    file: 'recovery/recovery.ts',
    text: "const state = isAway ? (isDown ? 'down' : 'silent') : 'answered';",
    replacement: "const state = 'answered';",
  },
  {
    name: 'a complete node with another log counts for this one',
    file: 'recovery/completeness.ts',
    text: 'one.isComplete && one.logId === logId);',
    replacement: 'one.isComplete);',
  },
  {
    name: 'an attempt to recover takes the epoch of an earlier one again',
    file: 'recovery/recovery.ts',
    text: 'let seen = newerBallot(this.#replica.ballot, this.#met);',
    replacement: 'let seen = NO_BALLOT;',
  },
  {
    name: 'a poll ends with the first answer',
    file: 'recovery/recovery.ts',
    text: 'if (this.#asked.size > 0) return;\n',
    replacement: 'if (this.#asked.size > 0 && this.#answers.size === 0) return;\n',
  },
  {
    name: 'the epoch is not increased',
    file: 'recovery/ballot.ts',
    text: 'epoch: seen.epoch + 1, writer',
    replacement: 'epoch: Math.max(1, seen.epoch), writer',
  },
  {
    name: 'the next epoch is that after its own, whatever the secondaries have seen',
    file: 'recovery/recovery.ts',
    text: 'if (other === null || other === logId) seen = newerBallot(seen, ballotOf(answer));',
    replacement: 'if (other === null || other === logId) seen = newerBallot(seen, NO_BALLOT);',
  },
  {
    name: 'a new log is begun though somebody has one',
    file: 'recovery/recovery.ts',
    text: 'logId ?? this.#nameHeard() ?? this.#config.newLogId',
    replacement: 'this.#replica.logId ?? this.#config.newLogId',
  },
  {
    name: 'a prepare is made to nobody',
    file: 'recovery/recovery.ts',
    text: 'this.#effects.poll(secondary, this.#prepare);',
    replacement: 'this.#effects.poll(secondary, null);',
  },
  {
    name: 'a master that was outbid while it started goes on',
    file: 'recovery/recovery.ts',
    text: '        isOutbid = true;',
    replacement: '',
  },
  {
    name: 'a secondary that could not keep the promise counts as one that did',
    file: 'recovery/recovery.ts',
    text: 'this.#polled.get(secondary)?.bootId || isDeaf(answer, prepare);',
    replacement: 'this.#polled.get(secondary)?.bootId;',
  },
  {
    name: 'the answer of another incarnation than the one that was asked counts',
    file: 'recovery/recovery.ts',
    text: 'const isOld = answer.bootId !== this.#polled.get(secondary)?.bootId || isDeaf(answer, prepare);',
    replacement: 'const isOld = answer.bootId === answer.logId && isDeaf(answer, prepare);',
  },
  {
    name: 'a candidate does not promise its own ballot before it asks',
    file: 'recovery/recovery.ts',
    text: `    replica.promise(prepare);
    return compareBallots(replica.durableBallot, prepare) === 0;`,
    replacement: 'return true;',
  },
  {
    name: 'a candidate that could not keep its own promise asks all the same',
    file: 'recovery/recovery.ts',
    text: 'return compareBallots(replica.durableBallot, prepare) === 0;',
    replacement: 'return true;',
  },
  {
    name: 'a candidate prepares though the poll was not enough',
    file: 'recovery/recovery.ts',
    text: 'if (verdict.rule === null) this.#retryLater(verdict.reason);\n    else this.#beginPrepare',
    replacement: 'this.#beginPrepare',
  },
  {
    name: 'a candidate takes over by what the poll has said, not by what was promised',
    file: 'recovery/recovery.ts',
    text: 'else if (verdict.rule === null) this.#retryLater(verdict.reason);\n    else {',
    replacement: 'else {',
  },
  {
    name: 'a fetch goes on though its source has promised a newer ballot',
    file: 'recovery/recovery.ts',
    text: 'return compareBallots(frame, this.#prepare as Prepare) > 0 ? ANOTHER_STARTS : null;',
    replacement: 'return null;',
  },
  {
    name: 'a fetch that broke in the middle is taken for complete',
    file: 'recovery/recovery.ts',
    text: 'if (this.#isCompared && this.#replica.log.length >= best.length) this.#takeOver();',
    replacement: 'if (this.#isCompared && best.length >= 0) this.#takeOver();',
  },
  {
    name: 'a fetch that never began is taken for complete if our own log is long enough',
    file: 'recovery/recovery.ts',
    text: 'if (this.#isCompared && this.#replica.log.length >= best.length) this.#takeOver();',
    replacement: 'if (this.#replica.log.length >= best.length) this.#takeOver();',
  },
  {
    name: 'a master that has recovered begins no epoch of its own',
    file: 'recovery/recovery.ts',
    text: 'if (!this.#replica.beginEpoch(prepare) || !this.#replica.becomeComplete()) {',
    replacement: 'if (!this.#replica.becomeComplete()) {',
  },
  {
    name: 'a recovery that came to nothing is not tried again',
    file: 'candidacy.ts',
    text: 'this.#attemptAt = this.#now + this.#retryDelayMs;',
    replacement: '',
  },
];
