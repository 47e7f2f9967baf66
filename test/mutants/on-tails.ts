/** Bugs of tails: what a reader is told, and not told to forget. */
import type { Mutant } from './mutant.ts';

export const ON_TAILS: readonly Mutant[] = [
  {
    name: 'a live tail is not told of cuts',
    file: 'concerns/follower.ts',
    text: 'if (kept < this.#matched) return',
    replacement: 'if (kept < 0) return',
    breaks: ['tail-is-true'],
  },
  {
    name: 'a live tail goes on one entry too late after a cut',
    file: 'concerns/follower.ts',
    text: 'return this.#reset({ from: kept + 1, reason });',
    replacement: 'return this.#reset({ from: kept + 2, reason });',
    breaks: ['tail-is-true'],
  },
  {
    name: 'a tail goes on anywhere by its seq',
    file: 'log/log-position.ts',
    text: "if (end >= told.seq) return 'same';",
    replacement: "if (log.length >= told.seq) return 'same';",
    breaks: ['tail-is-true'],
  },
  {
    name: 'a tail goes on in any log',
    file: 'log/log-position.ts',
    text: 'if (digests.log(log.logId) !== told.log)',
    replacement: 'if (told.log === null)',
    breaks: ['tail-is-true'],
  },
  {
    name: 'the parting of two logs is taken for later than it is',
    file: 'log/log-position.ts',
    text: 'Math.min(endOf(log, before), told.firstSeq - 1)',
    replacement: 'told.firstSeq - 1',
    breaks: ['tail-is-true'],
  },
  {
    name: 'a tail of what is committed is told all',
    file: 'concerns/read-barrier.ts',
    text: "return concern === 'majority' ? Math.min(committed, length) : length;",
    replacement: 'return Math.max(committed, length, Number(concern.length < 0));',
    breaks: ['committed-is-final'],
  },
];
