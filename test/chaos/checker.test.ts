import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { check, coverage } from './checker.ts';
import {
  type Append,
  emptyHistory,
  type History,
  type Mode,
  type Read,
  type Receipt,
  type Told,
} from './history.ts';

type Reset = { readonly reset: number; readonly reason?: 'cut' | 'other-log' };

const MASTER = 'master';
const SECONDARIES = ['s1', 's2'];
const ALL = [MASTER, ...SECONDARIES];

/** A history written by hand, on a clock that ticks with every line. */
class Story {
  readonly history: History;
  #now = 0;
  #incarnation = 1;
  #epoch = 1;
  #isCommitted = false;

  constructor(mode: Mode = 'memory') {
    this.history = emptyHistory(mode, MASTER, SECONDARIES);
  }

  tick(): number {
    this.#now += 10;
    return this.#now;
  }

  /** An append, answered with a receipt of these nodes. */
  append(texts: string | string[], seq: number, acked = ALL, changes: Partial<Receipt> = {}): this {
    return this.answer(this.sent(texts), seq, acked, changes);
  }

  /** An append that has no answer yet. */
  sent(texts: string | string[], changes: Partial<Append> = {}): Append {
    const list = [texts].flat();
    const append: Append = {
      client: 'c1',
      key: list[0] as string,
      texts: list,
      w: 1,
      firstSentAt: this.tick(),
      attempts: 1,
      receipts: [],
      outcome: 'open',
      ...changes,
    };
    this.history.appends.push(append);
    return append;
  }

  answer(append: Append, seq: number, acked = ALL, changes: Partial<Receipt> = {}): this {
    append.receipts.push({
      status: 201,
      seq,
      epoch: this.#epoch,
      count: append.texts.length,
      acked,
      pending: ALL.filter((node) => !acked.includes(node)),
      at: this.tick(),
      incarnation: this.#incarnation,
      ...changes,
    });
    append.outcome = 'acknowledged';
    return this;
  }

  read(node: string, texts: string[], changes: Partial<Read> = {}): this {
    this.history.reads.push({
      node,
      incarnation: node === MASTER ? this.#incarnation : 1,
      sentAt: this.tick(),
      at: this.tick(),
      logId: 'log',
      epoch: this.#epoch,
      length: texts.length,
      from: 1,
      texts,
      ...changes,
    });
    return this;
  }

  /** The tails that come are of what is committed. */
  ofCommitted(): this {
    this.#isCommitted = true;
    return this;
  }

  /** Somebody follows the log, and is told this: entries, and what they are reset to. */
  tail(...events: (readonly [seq: number, text: string] | Reset)[]): this {
    const log: string[] = [];
    const told = events.map((event: readonly [number, string] | Reset): Told => {
      const at = this.tick();
      if ('reset' in event) {
        log.length = Math.min(log.length, Math.max(0, event.reset - 1));
        const { reset, reason = 'cut' } = event;
        return { at, reset, reason };
      }
      const [seq, text] = event;
      log.push(text);
      return { at, seq, text };
    });
    this.history.tails.push({ reader: 'a tail', isCommitted: this.#isCommitted, told, log });
    return this;
  }

  kill(node: string): this {
    this.history.kills.push({ node, what: 'kill', from: this.tick(), to: this.tick() });
    return this;
  }

  outage(node: string, during: () => void): this {
    const outage = { node, what: 'link cut', from: this.tick(), to: 0 };
    this.history.outages.push(outage);
    during();
    outage.to = this.tick();
    return this;
  }

  /** The master is killed, and the next one recovers. */
  recovery(): this {
    this.kill(MASTER);
    this.#incarnation += 1;
    this.#epoch += 1;
    const [from, to] = [this.tick(), this.tick()];
    this.history.recoveries.push({ incarnation: this.#incarnation, from, to, epoch: this.#epoch });
    return this;
  }

  agreement(): this {
    this.history.agreements.push(this.tick());
    return this;
  }

  /** More nodes lose their memory at once than the promise allows. */
  void(): this {
    this.history.voids.push(this.tick());
    return this;
  }

  /** The log of all nodes at the end. */
  final(...texts: string[]): this {
    for (const node of ALL) this.history.final.set(node, texts);
    return this;
  }

  /** The names of what the checker finds. */
  found(): string[] {
    return check(this.history).map(({ name }) => name);
  }
}

describe('the checker finds nothing', () => {
  it('when an entry that was lost before it was acknowledged gets its old seq again', () => {
    const story = new Story().append('a', 1);
    const lost = story.sent('c', { w: 'majority' });
    story.answer(lost, 3, [MASTER], { status: 202 });
    const late = story.sent('b');
    story.recovery().answer(late, 2).answer(lost, 3).final('a', 'b', 'c');
    assert.deepEqual(story.found(), []);
  });

  it('in a good history', () => {
    const story = new Story()
      .append('a', 1)
      .read('s1', ['a'])
      .recovery()
      .append(['b', 'c'], 2, [MASTER, 's1'])
      .read(MASTER, ['a', 'b', 'c'])
      .read('s2', ['a'])
      .final('a', 'b', 'c');
    assert.deepEqual(story.found(), []);
    const { acknowledged, strict, strictAcrossRecoveries } = coverage(story.history);
    assert.deepEqual([acknowledged, strict, strictAcrossRecoveries], [2, 2, 1]);
  });

  it('in appends without an answer, there or not', () => {
    const story = new Story();
    story.sent('a', { key: null });
    story.sent('b', { key: null });
    assert.deepEqual(story.final('b').found(), []);
  });

  it('in an epoch of another log', () => {
    const story = new Story().read('s1', ['a'], { logId: 'one' }).read('s2', ['b']);
    assert.deepEqual(story.found(), []);
  });

  it('in what a tail was told, though a new epoch cut off its end', () => {
    const story = new Story().append('a', 1).append('lost', 2, [MASTER]);
    story.recovery().append('b', 2).append('c', 3).final('a', 'b', 'c');
    story.tail([1, 'a'], [2, 'lost'], { reset: 2 }, [2, 'b'], [3, 'c']).tail([1, 'a'], [2, 'b']);
    assert.deepEqual(story.found(), []);
  });

  it('in a tail of what is committed that is reset when the promise was not kept', () => {
    const story = new Story().agreement().append('a', 1).void().recovery();
    story.ofCommitted().tail([1, 'a'], { reset: 1 }, [1, 'b']);
    assert.deepEqual(story.found(), []);
  });

  it('in a tail that a new epoch cut off', () => {
    const story = new Story().read('s1', ['x', 'y']).recovery().append('a', 1);
    assert.deepEqual(story.read('s1', ['a']).final('a').found(), []);
  });
});

describe('the checker finds a lost write', () => {
  it('that the named secondary had, and was in reach with', () => {
    const story = new Story().append('a', 1, [MASTER, 's1']).recovery().final();
    assert.deepEqual(story.found(), ['lost write']);
  });

  it('that nobody had a reason to lose', () => {
    assert.deepEqual(new Story().append('a', 1, [MASTER]).final().found(), ['lost write']);
  });

  it('that another message replaced', () => {
    const story = new Story().append('a', 1, [MASTER, 's1']).recovery().append('b', 1).final('b');
    assert.deepEqual(story.found(), ['lost write']);
  });

  it('before a seq that a later receipt says is held', () => {
    const story = new Story().append('a', 1, [MASTER]).append('b', 2, [MASTER, 's1']);
    assert.deepEqual(story.recovery().final().found(), ['lost write', 'lost write']);
  });

  it('although the node died, if that was before it held the message', () => {
    const story = new Story().kill('s1').append('a', 1, [MASTER, 's1']).recovery().final();
    assert.deepEqual(story.found(), ['lost write']);
  });

  it('although the node died while the client waited, if all agreed since', () => {
    const story = new Story();
    const append = story.sent('a');
    story.kill('s1').agreement().answer(append, 1, [MASTER, 's1']);
    assert.deepEqual(story.recovery().final().found(), ['lost write']);
  });

  it('although the node was out of reach, if no master recovered then', () => {
    const story = new Story().append('a', 1, [MASTER, 's1']).outage('s1', () => {});
    assert.deepEqual(story.recovery().final().found(), ['lost write']);
  });

  it('although it might have been lost earlier, if a later master showed it', () => {
    const story = new Story().append('a', 1, [MASTER]).recovery().read(MASTER, ['a']);
    story.final();
    assert.deepEqual(story.found(), ['lost write']);
  });

  it('on disk, whatever was killed', () => {
    const story = new Story('disk').append('a', 1, [MASTER]).kill('s1').kill('s2').recovery();
    assert.deepEqual(story.final().found(), ['lost write']);
  });
});

describe('the checker excuses no loss of what a majority held', () => {
  it('because a node that held it was out of reach of the recovery', () => {
    const story = new Story().append('a', 1, [MASTER, 's1']);
    story.outage('s1', () => story.recovery());
    assert.deepEqual(story.final().found(), ['lost write']);
  });

  it('because nodes died one after the other, each when the others were complete', () => {
    const story = new Story().append('a', 1, [MASTER, 's1']).kill('s1').recovery().final();
    assert.deepEqual(story.found(), ['lost write']);
  });

  it('because too many had lost their memory before, if all agreed since', () => {
    const story = new Story().void().agreement().append('a', 1, [MASTER, 's1']);
    assert.deepEqual(story.kill('s1').recovery().final().found(), ['lost write']);
  });

  it('but one that too many could not remember', () => {
    const story = new Story().agreement().append('a', 1, [MASTER, 's1']).kill('s1').void();
    assert.deepEqual(story.recovery().final().found(), []);
  });
});

describe('the checker forgives a lost write', () => {
  it('that the master alone had when it died', () => {
    const story = new Story().append('a', 1, [MASTER]).recovery().final();
    assert.deepEqual(story.found(), []);
    assert.deepEqual(coverage(story.history).lostAsAllowed, 1);
  });

  it('when every named node died since', () => {
    const story = new Story().append('a', 1, [MASTER, 's1']).kill('s1').void().recovery();
    assert.deepEqual(story.final().found(), []);
  });

  it('when every named node was out of reach of a recovery', () => {
    const story = new Story().append('a', 1, [MASTER, 's1']);
    story.void().outage('s1', () => story.recovery());
    assert.deepEqual(story.final().found(), []);
  });

  it('but not if one of them was not', () => {
    const story = new Story().append('a', 1).kill('s1').recovery().final();
    assert.deepEqual(story.found(), ['lost write']);
  });
});

describe('the checker finds', () => {
  const abc = () => new Story().append(['a', 'b', 'c'], 1);
  const lost = () => new Story().append('a', 1).append('x', 2, [MASTER]).recovery().append('b', 2);
  const cases: [name: string, what: string, story: () => Story][] = [
    ['changed seq', 'a message that is elsewhere', () => new Story().append('a', 2).final('a')],
    [
      'changed seq',
      'two receipts that differ',
      () => {
        const story = new Story();
        const append = story.sent('a');
        return story.append('x', 1).answer(append, 1).answer(append, 2).final('x', 'a');
      },
    ],
    ['duplicate', 'a text twice', () => new Story().append('a', 1).final('a', 'a')],
    ['phantom', 'a text that nobody sent', () => new Story().append('a', 1).final('a', 'b')],
    [
      'phantom',
      'a text that was refused',
      () => {
        const story = new Story();
        story.sent('a', { key: null, outcome: 'refused' });
        return story.final('a');
      },
    ],
    [
      'broken batch',
      'half of a batch',
      () => {
        const story = new Story();
        story.sent(['a', 'b'], { key: null });
        return story.final('a');
      },
    ],
    [
      'reorder',
      'what was sent later before what was answered',
      () => new Story().append('a', 2).append('b', 1).final('b', 'a'),
    ],
    [
      'unanswered append',
      'a writer that was never answered',
      () => {
        const story = new Story();
        story.sent('a');
        return story.final('a');
      },
    ],
    [
      'no convergence',
      'a node that lacks something',
      () => {
        const story = new Story().append('a', 1).final('a');
        story.history.final.set('s2', []);
        return story;
      },
    ],
    [
      'no convergence',
      'a node with another text',
      () => {
        const story = new Story().append('a', 1).final('a');
        story.history.final.set('s2', ['b']);
        return story;
      },
    ],
    [
      'bad receipt',
      'a node that is named twice',
      () => new Story().append('a', 1, [MASTER, 's1', 's1'], { pending: [] }).final('a'),
    ],
    [
      'bad receipt',
      'fewer nodes than asked for',
      () => {
        const story = new Story();
        return story.answer(story.sent('a', { w: 'majority' }), 1, [MASTER]).final('a');
      },
    ],
    [
      'bad receipt',
      'nodes that are not of the cluster',
      () => new Story().append('a', 1, ALL, { pending: ['s9'] }).final('a'),
    ],
    [
      'bad receipt',
      'another count of messages than were sent',
      () => new Story().append(['a', 'b'], 1, ALL, { count: 1 }).final('a', 'b'),
    ],
    [
      'non-monotone read',
      'a node that shows less than before',
      () => new Story().read('s1', ['a', 'b']).read('s1', ['a']),
    ],
    [
      'changed text',
      'a seq that changes its text in an incarnation of a node',
      () => new Story().read('s1', ['a']).read('s1', ['b']),
    ],
    [
      'changed text',
      'nodes that show different texts at a seq',
      () => new Story().read('s1', ['a']).read('s2', ['b']),
    ],
    ['broken tail', 'a tail that leaves out a seq', () => abc().tail([1, 'a'], [3, 'c'])],
    ['broken tail', 'a tail that begins too late', () => abc().tail([2, 'b'], [3, 'c'])],
    ['broken tail', 'a tail that is told a seq twice', () => abc().tail([1, 'a'], [1, 'a'])],
    [
      'phantom',
      'a tail that is told what nobody sent',
      () => {
        const story = new Story().append('a', 1).recovery();
        return story.tail([1, 'a'], [2, 'x'], { reset: 2 }).final('a');
      },
    ],
    [
      'phantom',
      'a tail that is told what was refused',
      () => {
        const story = new Story().append('a', 1);
        story.sent('x', { key: null, outcome: 'refused' });
        return story.recovery().tail([1, 'a'], [2, 'x'], { reset: 2 }).final('a');
      },
    ],
    [
      'changed text',
      'a tail that is not told of what was lost',
      () => {
        const story = lost().append('c', 3).final('a', 'b', 'c');
        return story.tail([1, 'a'], [2, 'x'], [3, 'c']);
      },
    ],
    ['broken tail', 'a reset that takes nothing back', () => lost().tail([1, 'a'], { reset: 2 })],
    ['broken tail', 'a reset to no seq', () => lost().tail([1, 'a'], { reset: 0 })],
    [
      'broken tail',
      'a tail that goes on elsewhere than its reset says',
      () => lost().tail([1, 'a'], [2, 'x'], { reset: 1 }, [2, 'b']),
    ],
    [
      'needless reset',
      'a reset before any master recovered',
      () => new Story().append(['a', 'b'], 1).tail([1, 'a'], [2, 'b'], { reset: 2 }, [2, 'b']),
    ],
    [
      'needless reset',
      'a tail of what is committed that is reset while the promise holds',
      () => lost().ofCommitted().tail([1, 'a'], [2, 'x'], { reset: 2 }, [2, 'b']),
    ],
    [
      'needless reset',
      'the same, where the promise was not kept long before',
      () => {
        const story = new Story().void().agreement().append(['a', 'b'], 1).recovery();
        return story.ofCommitted().tail([1, 'a'], [2, 'b'], { reset: 2 }, [2, 'b']);
      },
    ],
    [
      'needless reset',
      'another log where disks keep it',
      () => {
        const story = new Story('disk').append('a', 1).recovery();
        return story.tail([1, 'a'], { reset: 1, reason: 'other-log' }, [1, 'a']).final('a');
      },
    ],
    [
      'untrue receipt',
      'a named node that does not show the message',
      () => new Story().append('a', 1, [MASTER, 's1']).read('s1', []).final('a'),
    ],
  ];
  for (const [name, what, story] of cases) {
    it(`${name}: ${what}`, () => {
      assert.deepEqual(story().found(), [name]);
    });
  }

  it('nothing in the final logs of a run that broke off', () => {
    const story = new Story().append('a', 1);
    story.history.findings.push({ name: 'no agreement', detail: 'within 20000 ms' });
    assert.deepEqual(story.found(), ['no agreement']);
  });

  it('what the run itself recorded', () => {
    const story = new Story();
    story.history.findings.push({ name: 'defect', detail: 's1: ...' });
    assert.deepEqual(story.found(), ['defect']);
  });
});

describe('the checker does not take for a shrunk log', () => {
  it('answers that overtake each other', () => {
    const story = new Story();
    const sentAt = story.tick();
    assert.deepEqual(story.read('s1', ['a']).read('s1', [], { sentAt }).found(), []);
  });

  it('a node that was killed since it was named', () => {
    const story = new Story().append('a', 1, [MASTER, 's1']).kill('s1');
    assert.deepEqual(story.read('s1', [], { incarnation: 2 }).final('a').found(), []);
  });
});
