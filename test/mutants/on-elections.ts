/** Bugs in a cluster that elects its master: who is promised, who is admitted, who steps down, what confirms a read. */
import type { Mutant } from './mutant.ts';

const plant = (mutant: Omit<Mutant, 'simulator'>): Mutant => ({
  ...mutant,
  simulator: 'elections',
});

export const ON_ELECTIONS: readonly Mutant[] = [
  plant({
    name: 'members whose disk was lost are admitted at once',
    file: 'replication/progress.ts',
    text: 'return !this.#needsAdmission || this.isComplete === true || this.isAdmitted;',
    replacement: 'return true;',
    breaks: ['complete-is-admitted'],
  }),
  plant({
    name: 'members are told to become complete before they are admitted',
    file: 'replication/progress.ts',
    text: 'return this.isVoter ? this.completeFrom : null;',
    replacement: 'return this.completeFrom;',
    breaks: ['complete-is-admitted'],
  }),
  plant({
    name: 'acks of members that are not admitted count',
    file: 'replication/peer.ts',
    text: 'return acked >= start.firstSeq - 1 && this.progress.isVoter ? acked : 0;',
    replacement: 'return acked >= start.firstSeq - 1 ? acked : 0;',
    breaks: ['w-is-held', 'majority-survives'],
  }),
  plant({
    name: 'a candidate of an election does not promise its own ballot',
    file: 'recovery/recovery.ts',
    text: 'this.#applier.lead(prepare);',
    replacement: 'if (!this.#config.isElection) this.#applier.lead(prepare); else return true;',
    breaks: ['promised-before-asked'],
  }),
  plant({
    name: 'a member that is asked for a promise does not make it',
    file: 'log/apply.ts',
    text: 'this.#promise(prepare);\n    return true;',
    replacement: 'return true;',
    breaks: ['takeover-by-rule', 'works-again', 'convergence'],
  }),
  plant({
    name: 'a member is admitted by answers to questions from before it was met',
    file: 'replication/cluster.ts',
    text: 'other.answered.question > this.#metAfter',
    replacement: 'other.answered.question > 0',
    breaks: ['admitted-by-rule'],
  }),
  plant({
    name: 'a member is admitted though another one was met after it',
    file: 'replication/cluster.ts',
    text: 'this.#metAfter = Math.max(this.#metAfter, peer.metAfter);',
    replacement: 'if (this.#metIncomplete.size === 1) this.#metAfter = peer.metAfter;',
    breaks: ['admitted-by-rule'],
  }),
  plant({
    name: 'an elected member obeys what was said to another run of it',
    file: 'log/apply.ts',
    text: 'if (prepare === null || (bootId !== null && bootId !== this.#bootId)) return;',
    replacement: 'if (prepare === null) return;',
    breaks: ['meant-for-one-run'],
  }),
  plant({
    name: 'an elected master begins no epoch in its log',
    file: 'recovery/recovery.ts',
    text: 'if (!this.#replica.beginEpoch(prepare) || !this.#replica.becomeComplete()) {',
    replacement: `if (!this.#config.isElection && !this.#replica.beginEpoch(prepare)) return;
    if (!this.#replica.becomeComplete()) {`,
    breaks: ['crash'],
  }),
  plant({
    name: 'the longest log wins an election, whoever wrote it last',
    file: 'recovery/best-log.ts',
    text: `(goTogether(a.newest, b.newest) ? 0 : compareBallots(b.newest, a.newest)) ||
    b.length - a.length ||`,
    replacement: 'b.length - a.length ||',
    breaks: ['majority-survives', 'committed-is-final', 'one-acknowledges'],
  }),
  plant({
    name: 'one complete member less is enough to be elected',
    file: 'recovery/completeness.ts',
    text: 'const required = members.length - majorityOf(members.length) + 1;',
    replacement: 'const required = members.length - majorityOf(members.length);',
    breaks: ['takeover-by-rule'],
  }),
  plant({
    name: 'a member without a complete log is elected',
    file: 'recovery/completeness.ts',
    text: 'if (members[0] === undefined || !isComplete(members[0])) {',
    replacement: 'if (members[0] === undefined) {',
    breaks: ['takeover-by-rule'],
  }),
  plant({
    name: 'members without a complete log vote',
    file: 'recovery/completeness.ts',
    text: 'const isComplete = (one: Member) => one.isComplete && one.logId === logId;',
    replacement: 'const isComplete = (one: Member) => one.logId === logId;',
    breaks: ['takeover-by-rule'],
  }),
  plant({
    name: 'a candidate is listened to though the master is heard',
    file: 'node.ts',
    text: 'if (known === null || isSameBallot(handover, known)) return null;',
    replacement: 'if (known === null || sender !== undefined) return null;',
    breaks: ['sticky'],
  }),
  plant({
    name: 'a master listens to any candidate',
    file: 'node.ts',
    text: 'return isSuccessor && isSameBallot(handover, own) ? null : own;',
    replacement: 'return isSuccessor || sender !== undefined ? null : own;',
    breaks: ['sticky'],
  }),
  plant({
    name: 'who stands goes on though it hears a master',
    file: 'node.ts',
    text: `if (!isSameBallot(this.#standsBy, master)) this.#master?.stepDown('it hears a master');`,
    replacement: '',
    breaks: ['sticky'],
  }),
  plant({
    name: 'what was said to another run of a member counts as hearing the master',
    file: 'node.ts',
    text: 'if (isPromised && this.#isFor(request)) {',
    replacement: 'if (isPromised) {',
    breaks: ['meant-for-one-run'],
  }),
  plant({
    name: 'a master without a majority goes on',
    file: 'election/quorum-check.ts',
    text: 'Math.min(Math.max(askedAt, this.#tookOverAt), this.#syncedAt);',
    replacement: 'this.#syncedAt + 0 * (askedAt > 0 ? 1 : 0);',
    breaks: ['steps-down'],
  }),
  plant({
    name: 'a master whose disk hangs goes on',
    file: 'election/quorum-check.ts',
    text: 'Math.min(Math.max(askedAt, this.#tookOverAt), this.#syncedAt);',
    replacement: 'Math.max(askedAt, this.#tookOverAt);',
    breaks: ['steps-down'],
  }),
  plant({
    name: 'a master that waits for its disk looks at it without pause',
    file: 'election/quorum-check.ts',
    text: 'return this.#checkedAt + CHECK_MS;',
    replacement: 'return this.#syncedAt + CHECK_MS;',
    breaks: ['time-passes'],
  }),
  plant({
    name: 'an answer confirms what was asked after its question',
    file: 'replication/peer.ts',
    text: `this.#answered = { question: this.#asked, askedAt: asked.at };
    this.pump(now);`,
    replacement: `this.#answered = { question: this.#questions.last + 1, askedAt: asked.at };
    this.pump(now);`,
    breaks: ['linearizable', 'admitted-by-rule'],
  }),
  plant({
    name: 'a linearizable read is answered without a round of questions',
    file: 'concerns/read-index.ts',
    text: 'question >= answered || length > committed;',
    replacement: 'question < 0 * answered || length > committed;',
    breaks: ['linearizable'],
  }),
  plant({
    name: 'members that have lost their disk confirm a master',
    file: 'replication/cluster.ts',
    text: '.filter(({ progress }) => progress.isComplete === true || progress.isAdmitted)',
    replacement: '.filter(({ progress }) => progress.bootId !== null)',
    breaks: ['steps-down', 'linearizable'],
  }),
  plant({
    name: 'a master hands over to a member that is not complete',
    file: 'replication/peer.ts',
    text: `return this.status === 'Healthy' && isComplete === true && this.countedLength >= length;`,
    replacement: `return this.status === 'Healthy' && isComplete !== null;`,
    breaks: ['handover-to-the-whole'],
  }),
  plant({
    name: 'a member is told of a handover that is over',
    file: 'node.ts',
    text: 'master.withdrawHandover();',
    replacement: '',
    breaks: ['handover-to-the-whole'],
  }),
  plant({
    name: 'the keys of entries that were cut off are remembered',
    file: 'log/replica.ts',
    text: 'truncate();\n    this.keys.truncate(length);',
    replacement: 'truncate();',
    breaks: ['receipt-is-exact', 'refused-is-not-appended', 'crash'],
  }),
  plant({
    name: 'a member that was a master stays one',
    file: 'node.ts',
    text: 'this.#master = null;\n    if (wasMaster) this.#handover?.steppedDown();',
    replacement: `if (!wasMaster) this.#master = null;
    if (wasMaster) this.#handover?.steppedDown();`,
    breaks: ['works-again', 'steps-down'],
  }),
  plant({
    name: 'an entry of an older epoch counts by copies alone',
    file: 'replication/peer.ts',
    text: 'return acked >= start.firstSeq - 1 && this.progress.isVoter ? acked : 0;',
    replacement: 'return start.firstSeq > 0 && this.progress.isVoter ? acked : 0;',
    breaks: ['committed-is-final', 'majority-survives', 'one-acknowledges'],
  }),
  plant({
    name: 'an epoch that wrote nothing leaves the one before it in the list twice',
    file: 'log/log.ts',
    text: 'if (!goesOn) this.#epochs.push({ epoch, firstSeq, writer });',
    replacement: 'this.#epochs.push({ epoch, firstSeq, writer: goesOn ? writer : writer });',
    breaks: ['epochs-in-order'],
  }),
  plant({
    name: 'a tail of committed entries is reset by what is not committed',
    file: 'concerns/follower.ts',
    text: `const length = this.#concern === 'majority' ? shown : log.length;
    const starts =
      this.#concern === 'majority'
        ? log.epochs.slice(0, countStarts(log.epochs, shown))
        : log.epochs;`,
    replacement: `const { length, epochs: starts } = log;
    if (this.#concern === 'majority') countStarts(starts, shown);`,
    breaks: ['tail-is-true'],
  }),
  plant({
    name: 'what is committed is believed before the logs were compared',
    file: 'log/apply.ts',
    text: `    if (this.#starts === null) return;
    this.#replica.commit(this.#committed);`,
    replacement: '    this.#replica.commit(this.#committed);',
    breaks: ['committed-is-final'],
  }),
];
