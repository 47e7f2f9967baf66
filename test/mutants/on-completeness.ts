/** Bugs in who remembers: when a node counts as complete, and for whom what is said to it is meant. */
import type { Mutant } from './mutant.ts';

export const ON_COMPLETENESS: readonly Mutant[] = [
  {
    name: 'a majority of answers is enough, whoever remembers',
    file: 'recovery/completeness.ts',
    text: 'if (logId !== null && complete.length >= nodes - majority + 1)',
    replacement: 'if (logId !== null && answered.length >= majority)',
    breaks: ['takeover-by-rule'],
  },
  {
    name: 'one complete node less is enough',
    file: 'recovery/completeness.ts',
    text: 'complete.length >= nodes - majority + 1)',
    replacement: 'complete.length >= nodes - majority)',
    breaks: ['takeover-by-rule'],
  },
  {
    name: 'incomplete nodes vote as if they remembered',
    file: 'recovery/completeness.ts',
    text: 'one.isComplete && one.logId === logId);\n  if',
    replacement: 'one.logId === logId);\n  if',
    breaks: ['takeover-by-rule'],
  },
  {
    name: 'all but one are all',
    file: 'recovery/completeness.ts',
    text: 'if (answered.length === nodes)',
    replacement: 'if (answered.length >= nodes - 1)',
    breaks: ['takeover-by-rule'],
  },
  {
    name: 'a new log is born while somebody is silent',
    file: 'recovery/completeness.ts',
    text: 'answered.length >= majority && !isAnybodySilent)',
    replacement: 'answered.length >= majority)',
    breaks: ['takeover-by-rule'],
  },
  {
    name: 'a new log is born by a minority',
    file: 'recovery/completeness.ts',
    text: 'if (logId === null && answered.length >= majority && !isAnybodySilent)',
    replacement: 'if (logId === null && !isAnybodySilent)',
    breaks: ['takeover-by-rule'],
  },
  {
    name: 'a secondary that refuses is taken for one that is silent, for ever',
    file: 'recovery/recovery.ts',
    text: 'if (isDown) this.#down.add(secondary);',
    replacement: '',
    breaks: ['waits-only-if-it-must'],
  },
  {
    name: 'a secondary that is silent is taken for one that is down',
    file: 'recovery/recovery.ts',
    text: 'if (isDown) this.#down.add(secondary);',
    replacement: 'this.#down.add(secondary);',
    breaks: ['takeover-by-rule'],
  },
  {
    name: 'a node is complete before it has caught up',
    file: 'recovery/completeness.ts',
    text: 'compareBallots(newestMark, promised) === 0 && durableLength >= completeFrom;',
    replacement: 'compareBallots(newestMark, promised) === 0;',
    breaks: ['majority-survives', 'no-loss'],
  },
  {
    name: 'a node that is met later is complete from where its master took over',
    file: 'replication/progress.ts',
    text: 'this.completeFrom = this.#ownLength();',
    replacement: '',
    breaks: ['majority-survives'],
  },
  {
    name: 'a node obeys what was said of completeness to another incarnation',
    file: 'log/apply.ts',
    text: 'if (prepare === null || (bootId !== null && bootId !== this.#bootId)) return;',
    replacement: 'if (prepare === null) return;',
    breaks: ['meant-for-one-run'],
  },
  {
    name: 'a stream for another incarnation is taken in',
    file: 'log/apply.ts',
    text: 'if (frame.bootId !== undefined && frame.bootId !== this.#bootId) {',
    replacement: 'if (frame.bootId !== undefined && this.#bootId === undefined) {',
    breaks: ['meant-for-one-run'],
  },
  {
    name: 'a promise ends when another log is joined',
    file: 'log/replica.ts',
    text: 'if (!this.#journal.begin(logId, this.#ballot)) return false;',
    replacement: `this.#ballot = NO_BALLOT;
    if (!this.#journal.begin(logId, this.#ballot)) return false;`,
    breaks: ['epoch-never-falls'],
  },
  {
    name: 'that a node is complete is not kept on its disk',
    file: 'log/replica.ts',
    text: 'this.#isComplete = this.#journal.complete();',
    replacement: 'this.#isComplete = true;',
    breaks: ['complete-is-earned'],
  },
  {
    name: 'who takes over does not become complete',
    file: 'recovery/recovery.ts',
    text: '|| !this.#replica.becomeComplete()) {',
    replacement: ') {',
    breaks: ['complete-is-earned'],
  },
  {
    name: 'what a minority holds is committed',
    file: 'master.ts',
    text: 'this.replica.commit(this.#tracker.lengthHeldBy(majorityOf(this.nodes)))',
    replacement:
      'this.replica.commit(this.#tracker.lengthHeldBy(Math.max(1, majorityOf(this.nodes) - 1)))',
    breaks: ['majority-survives'],
  },
  {
    name: 'a secondary takes all it has for committed',
    file: 'log/replica.ts',
    text: 'Math.max(this.#committed, Math.min(length, this.log.length));',
    replacement: 'length === 0 ? 0 : this.log.length;',
    breaks: ['majority-survives'],
  },
  {
    name: 'what is committed is believed before the logs were compared',
    file: 'log/apply.ts',
    text: `    if (this.#starts === null) return;
    this.#replica.commit(this.#committed);`,
    replacement: '    this.#replica.commit(this.#committed);',
    breaks: ['committed-is-final'],
  },
];
