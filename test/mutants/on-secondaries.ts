/** Bugs of a secondary: what it takes in, holds back, shows, cuts off, and says. */
import type { Mutant } from './mutant.ts';

export const ON_SECONDARIES: readonly Mutant[] = [
  {
    name: 'a secondary acks a frame before it has applied it',
    file: 'secondary.ts',
    text: 'const refusal = this.#applyWithFaults(frame, draws);',
    replacement: `const early = frame.from + frame.messages.ends.length - 1;
      onAnswer({
        kind: 'ack',
        ack: { bootId: this.bootId, logId: frame.logId, epoch: frame.epoch, length: early },
      });
      const refusal = this.#applyWithFaults(frame, draws);`,
  },
  {
    name: 'an ack counts what is held back',
    file: 'secondary.ts',
    text: 'const ack = { bootId: this.bootId, logId, epoch, length: this.length };',
    replacement: `const received = Math.max(this.length, ...this.#applier.heldSeqs());
    const ack = { bootId: this.bootId, logId, epoch, length: received };`,
  },
  {
    name: 'an ack counts what is not on the disk yet',
    file: 'secondary.ts',
    text: 'if (this.length < Math.min(frame.length, this.log.length)) return null;',
    replacement: `const { bootId, log } = this;
    if (frame.length > 0) {
      const { logId, epoch } = frame;
      return { kind: 'ack', ack: { bootId, logId, epoch, length: log.length } };
    }`,
  },
  {
    name: 'a node shows what is not on its disk yet',
    file: 'log/replica.ts',
    text: 'return Math.min(this.log.length, this.#journal.durableLength);',
    replacement: 'return this.log.length;',
  },
  {
    name: 'frames of an older epoch are taken',
    file: 'log/apply.ts',
    text: "if (order < 0) return { kind: 'refused', problem: 'stale-epoch', epoch: ballot.epoch };",
    replacement: '',
  },
  {
    name: 'frames of the epoch before are taken',
    file: 'log/apply.ts',
    text: 'if (order < 0) return',
    replacement: 'if (order < -1) return',
  },
  {
    name: 'frames of the present epoch are refused as stale',
    file: 'log/apply.ts',
    text: 'if (order < 0) return',
    replacement: 'if (order <= 0) return',
  },
  {
    name: 'two masters of one epoch look alike',
    file: 'recovery/ballot.ts',
    text: 'return a.writer < b.writer ? -1 : 1;',
    replacement: 'return 0;',
  },
  {
    name: 'frames of a foreign log are taken',
    file: 'log/apply.ts',
    text: 'if (logId !== null && frame.logId !== logId && isBound) {',
    replacement: 'if (logId === undefined && isBound) {',
  },
  {
    name: 'frames are taken from a master whose epochs were not compared with ours',
    file: 'log/apply.ts',
    text: 'if ((frame.writer !== null && !isCompared) || !this.#goesOn(frame)) {',
    replacement: 'if (!this.#goesOn(frame)) {',
  },
  {
    name: 'the end of a list of epochs is taken by who does not have what is left out',
    file: 'log/apply.ts',
    text: 'if ((frame.writer !== null && !isCompared) || !this.#goesOn(frame)) {',
    replacement: 'if (frame.writer !== null && !isCompared) {',
  },
  {
    name: 'of a list of epochs that comes in parts only the last one counts',
    file: 'log/apply.ts',
    text: 'return told === null ? epochs : told.starts.concat(epochs);',
    replacement: 'return epochs;',
  },
  {
    name: 'another text at a seq that is there already is not refused',
    file: 'log/apply.ts',
    text: 'if (seq !== null) return',
    replacement: 'if (seq === 0) return',
  },
  {
    name: 'what is held back has no bound',
    file: 'log/hold-back.ts',
    text: 'return to <= length + HELD_MESSAGES_MAX && this.#bytes + bytes <= HELD_BYTES_MAX;',
    replacement: 'return to + bytes + length > 0;',
  },
  {
    name: 'what was held back under an older epoch is shown under a newer one',
    file: 'log/apply.ts',
    text: `#forgetMaster(): void {
    this.#held.clear();`,
    replacement: '#forgetMaster(): void {',
  },
  {
    name: 'a frame ahead of its turn is shown at once',
    file: 'log/apply.ts',
    text: 'if (known < 0) this.#hold(frame);',
    replacement: 'if (known < -1000) this.#hold(frame);',
  },
  {
    name: 'what was held back is not shown when the gap closes',
    file: 'log/apply.ts',
    text: 'const held = this.#heldFrom(frame.from + frame.messages.ends.length);',
    replacement: 'const held = this.#heldFrom(0);',
  },
  {
    name: 'a batch that was held back is written in parts',
    file: 'log/apply.ts',
    text: 'for (let seq = from; message !== undefined; message',
    replacement: 'for (let seq = from; message !== undefined && run.length === 0; message',
  },
  {
    name: 'a frame that comes twice is stored twice',
    file: 'log/apply.ts',
    text: 'const own = sliceMessages(frame.messages, known);',
    replacement: 'const own = sliceMessages(frame.messages, 0);',
  },
  {
    name: 'nothing is ever cut off',
    file: 'log/apply.ts',
    text: 'if (shared >= length) return true;',
    replacement: 'if (shared >= 0) return true;',
  },
  {
    name: 'one entry too few is cut off',
    file: 'log/apply.ts',
    text: 'this.#replica.cut(shared)',
    replacement: 'this.#replica.cut(shared + 1)',
  },
  {
    name: 'one entry too many is cut off',
    file: 'log/apply.ts',
    text: 'this.#replica.cut(shared)',
    replacement: 'this.#replica.cut(Math.max(0, shared - 1))',
  },
  {
    name: 'two logs are found to part one entry too late',
    file: 'log/epochs.ts',
    text: 'return Math.min(seq - 1, length);',
    replacement: 'return Math.min(seq, length);',
  },
  {
    name: 'two logs are found to part one entry too early',
    file: 'log/epochs.ts',
    text: 'return Math.min(seq - 1, length);',
    replacement: 'return Math.max(0, Math.min(seq - 2, length));',
  },
  {
    name: 'a cut leaves the list of epochs as it was',
    file: 'log/log.ts',
    text: 'this.#epochs = epochs;',
    replacement: '',
  },
  {
    name: 'a cut forgets the epoch that began with the last entry that stays',
    file: 'log/log.ts',
    text: 'countStarts(this.#epochs, length)',
    replacement: 'countStarts(this.#epochs, length - 1)',
  },
  {
    name: 'a cut leaves the keys of what is cut off',
    file: 'log/replica.ts',
    text: 'this.keys.truncate(length);',
    replacement: '',
  },
  {
    name: 'a key still leads to entries that were cut off',
    file: 'log/idempotency.ts',
    text: 'else this.#forgetFrom(left);',
    replacement: 'else this.#runs = left;',
  },
  {
    name: 'the keys in a frame are lost',
    file: 'log/apply.ts',
    text: 'const own = keys.filter(([seq]) => seq >= first);',
    replacement: 'const own = keys.filter(([seq]) => seq < 0);',
  },
  {
    name: 'the keys of what is held back are lost',
    file: 'log/apply.ts',
    text: 'key: keys.get(from + i) },',
    replacement: 'key: keys.get(-from - i) },',
  },
  {
    name: 'a secondary gives its promise and does not keep it',
    file: 'log/replica.ts',
    text: 'this.#ballot = newerBallot(this.#ballot, ballot);',
    replacement: '',
  },
  {
    name: 'a promise is not written to the disk',
    file: 'log/replica.ts',
    text: 'this.#durableBallot !== this.#ballot && this.#journal.promise(this.#ballot)',
    replacement: 'this.#durableBallot !== this.#ballot',
  },
  {
    name: 'a secondary takes no notice of prepares',
    file: 'secondary.ts',
    text: 'this.#applier.hear(request);',
    replacement: '',
  },
  {
    name: 'what has no room on the disk is shown all the same',
    file: 'log/replica.ts',
    text: 'if (!this.#journal.append(this.log.length + 1, messages, ballot, keys, later)) return false;',
    replacement: 'this.#journal.append(this.log.length + 1, messages, ballot, keys, later);',
  },
  {
    name: 'a secondary that has all a new master took over is not taken for as new as it',
    file: 'log/apply.ts',
    text: 'return !start || this.#replica.beginEpoch(start);',
    replacement: 'return !start || start.firstSeq > 0;',
  },
  {
    name: 'a new epoch is begun before all is there that was when it began',
    file: 'log/apply.ts',
    text: 'const start = this.#starts && startAt(this.#starts, this.#replica.log.length + 1);',
    replacement: 'const start = this.#starts?.at(-1);',
  },
];
