import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Follower } from '../../../../src/lib/core/concerns/follower.ts';
import { Log } from '../../../../src/lib/core/log/log.ts';
import type { LogPosition } from '../../../../src/lib/core/log/log-position.ts';
import { packMessages } from '../../../../src/lib/core/log/messages.ts';
import { Dice, messagesOf, seeds } from '../../support.ts';

const DIGESTS = { log: (name: string) => name, writer: (name: string) => name };

/** A node whose log is written and cut by hand. */
class Node {
  readonly log = new Log();
  logId: string | null = null;
  #epoch = 0;
  #texts = 0;

  constructor(...texts: string[]) {
    if (texts.length > 0) this.write('L', ...texts);
  }

  /** Under a new ballot. */
  write(logId: string, ...texts: string[]): void {
    this.logId = logId;
    this.#epoch += 1;
    const ballot = { epoch: this.#epoch, writer: 'w' };
    this.log.beginEpoch(ballot);
    this.log.append(packMessages(texts), ballot);
  }

  /** So many entries that are like no other. */
  writeSome(logId: string, count: number): void {
    const texts = Array.from({ length: count }, () => {
      this.#texts += 1;
      return `${this.#texts}`;
    });
    this.write(logId, ...texts);
  }

  /** What it would say is its last entry. */
  position(): LogPosition {
    const { firstSeq } = this.log.epochs.at(-1) ?? { firstSeq: 1 };
    const previous = { epoch: this.#epoch - 1, writer: this.#epoch === 1 ? '' : 'w' };
    const ballot = { epoch: this.#epoch, writer: 'w', firstSeq, previous };
    return { seq: this.log.length, log: this.logId as string, ...ballot };
  }

  follow(start: number | LogPosition, shown = () => this.log.length): Follower {
    return new Follower(this, shown, start, DIGESTS);
  }
}

describe('a follower', () => {
  it('goes on behind what it told', () => {
    const node = new Node('a', 'b');
    const follower = node.follow(1);
    assert.deepEqual([follower.look(), follower.next, follower.last], [null, 1, 2]);
    follower.told(2);
    assert.deepEqual([follower.look(), follower.next, follower.last], [null, 3, 2]);
    assert.equal(follower.awaited, 3);
  });

  it('is reset to the lowest cut since it looked, once', () => {
    const node = new Node('a', 'b', 'c', 'd');
    const follower = node.follow(1);
    follower.look();
    follower.told(4);
    node.log.truncate(1);
    node.write('L', 'x', 'y', 'z', 'z', 'z');
    node.log.truncate(3);
    node.write('L', 'e', 'f');
    assert.deepEqual(follower.look(), { from: 2, reason: 'cut' });
    assert.deepEqual([follower.look(), follower.next, follower.last], [null, 2, 5]);
  });

  it('is not reset for what it was not told', () => {
    const node = new Node('a', 'b', 'c', 'd');
    const follower = node.follow(1);
    follower.look();
    follower.told(2);
    node.log.truncate(2);
    assert.deepEqual([follower.look(), follower.next, follower.last], [null, 3, 2]);
    node.log.truncate(1);
    assert.deepEqual(follower.look(), { from: 2, reason: 'cut' });
  });

  it('waits where a log was emptied until it knows what comes instead', () => {
    const node = new Node('a', 'b');
    const follower = node.follow(1);
    follower.look();
    follower.told(2);
    node.log.truncate(0);
    node.logId = 'M';
    assert.deepEqual([follower.look(), follower.next, follower.last], [null, 3, 0]);
    node.write('N');
    assert.deepEqual(follower.look(), { from: 1, reason: 'other-log' });
    node.write('N', 'x');
    assert.deepEqual([follower.look(), follower.next, follower.last], [null, 1, 1]);
  });

  it('says of a log that comes back under its name that it was cut', () => {
    const node = new Node('a');
    const follower = node.follow(2);
    follower.look();
    node.log.truncate(0);
    node.write('L', 'b');
    assert.deepEqual(follower.look(), { from: 1, reason: 'cut' });
  });

  it('knows from where its first log came, which had no name when it began', () => {
    const node = new Node();
    const follower = node.follow(1);
    assert.equal(follower.look(), null);
    node.write('L', 'a');
    follower.look();
    follower.told(1);
    node.log.truncate(0);
    node.write('L', 'b');
    assert.deepEqual(follower.look(), { from: 1, reason: 'cut' });
  });

  it('takes a seq alone for a position as soon as the log has reached it', () => {
    const node = new Node('a', 'b', 'c', 'd');
    const follower = node.follow(7);
    assert.deepEqual([follower.look(), follower.next, follower.last], [null, 7, 4]);
    node.log.truncate(3);
    assert.deepEqual(follower.look(), { from: 4, reason: 'cut' });
    const longer = node.follow(7, () => 2);
    assert.equal(longer.look(), null, 'it is not shown more');
    node.log.truncate(2);
    assert.equal(longer.look(), null);
    node.log.truncate(1);
    assert.deepEqual(longer.look(), { from: 2, reason: 'cut' });
  });

  it('tells nothing until it knows what became of the entry that was brought', () => {
    const brought = new Node('a', 'b', 'c').position();
    const node = new Node();
    const follower = node.follow(brought);
    assert.deepEqual([follower.look(), follower.last, follower.awaited], [null, 0, 3]);
    node.write('L', 'a', 'b', 'c', 'd');
    assert.deepEqual([follower.look(), follower.next, follower.last], [null, 4, 4]);
    node.log.truncate(2);
    assert.deepEqual(follower.look(), { from: 3, reason: 'cut' });
    const other = new Node();
    const lost = other.follow(brought);
    other.write('M', 'x', 'y', 'z', 'z');
    assert.deepEqual(lost.look(), { from: 1, reason: 'other-log' });
    assert.deepEqual([lost.look(), lost.next, lost.last], [null, 1, 4]);
  });

  it('leaves its reader with the log that is, whatever became of it', () => {
    let resets = 0;
    for (const seed of seeds(1000)) {
      const dice = new Dice(seed);
      const node = new Node();
      const follower = node.follow(1);
      const told: string[] = [];
      for (let step = 0; step < 30; step += 1) {
        if (dice.chance(0.2)) node.log.truncate(dice.integer(0, node.log.length));
        if (dice.chance(0.1)) {
          node.log.truncate(0);
          node.logId = `${step}`;
        }
        if (dice.chance(0.5)) node.writeSome(node.logId ?? 'L', dice.integer(0, 3));
        if (dice.chance(0.4)) continue;
        const reset = follower.look();
        if (reset !== null) {
          resets += 1;
          assert(reset.from <= told.length, 'it takes back what was told');
          assert.notEqual(told[reset.from - 1], messagesOf(node.log)[reset.from - 1]);
          told.length = reset.from - 1;
        }
        const { next, last } = follower;
        if (last === 0) continue;
        assert.equal(next, told.length + 1);
        const to = Math.min(last, next + dice.integer(0, 2));
        told.push(...messagesOf(node.log).slice(next - 1, Math.max(to, next - 1)));
        if (to >= next) follower.told(to);
        assert.deepEqual(told, messagesOf(node.log).slice(0, told.length));
      }
    }
    assert(resets > 1000, `${resets}`);
  });
});

describe('Follower: of committed entries, at a master that was deposed', () => {
  it('waits for what it was told elsewhere, and is not reset by what that master wrote alone', () => {
    const log = new Log();
    log.append(packMessages(['x']), { epoch: 1, writer: 'A' });
    log.append(packMessages(['y', 'z']), { epoch: 2, writer: 'B' });
    const previous = { epoch: 0, writer: '' };
    const told = { seq: 2, log: 'L', epoch: 1, writer: 'A', firstSeq: 1, previous };
    const digests = { log: (name: string) => name, writer: (name: string) => name };
    const view = { log, logId: 'L' };
    const tail = (concern: 'local' | 'majority') =>
      new Follower(view, () => 1, told, digests, concern);
    assert.equal(tail('majority').look(), null);
    assert.deepEqual(tail('local').look(), { from: 2, reason: 'cut' });
  });
});
