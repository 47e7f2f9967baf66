import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HELD_BYTES_MAX, HELD_MESSAGES_MAX } from '../../../src/lib/core/log/hold-back.ts';
import { KeyIndex } from '../../../src/lib/core/log/idempotency.ts';
import type { Journal } from '../../../src/lib/core/log/journal.ts';
import { Log } from '../../../src/lib/core/log/log.ts';
import { packMessages } from '../../../src/lib/core/log/messages.ts';
import { Replica, type Restored } from '../../../src/lib/core/log/replica.ts';
import type { Frame } from '../../../src/lib/core/protocol.ts';
import type { LogEvent } from '../../../src/lib/core/refusal.ts';
import {
  DELAYED_BYTES_MAX,
  type FaultDraws,
  type Faults,
  FRAME_OVERHEAD_BYTES,
  type FrameAnswer,
  Secondary,
} from '../../../src/lib/core/secondary.ts';
import { Dice, messagesOf, preparing, seeds } from '../support.ts';
import { SlowDisk } from './log/slow-disk.ts';

const NO_FAULTS: Faults = { delayMs: 0, errorRate: 0, errorAfterApplyRate: 0 };

/** What a frame by hand says: no writer, and no epochs to compare. */
const FRAME = { logId: 'L', epoch: 1, writer: '', keys: [], epochs: null };

interface FrameOptions {
  readonly logId?: string;
  readonly epoch?: number;
  readonly writer?: string;
  readonly epochs?: Frame['epochs'];
  readonly keys?: Frame['keys'];
  readonly traces?: NonNullable<Frame['traces']>;
  readonly draws?: FaultDraws;
  readonly now?: number;
}

/** A secondary and the transcript of its answers: `ack 3`, or `refused {...}`. */
class Node {
  readonly secondary: Secondary;
  readonly logEvents: LogEvent[] = [];
  readonly answers: string[] = [];

  constructor(faults: Partial<Faults> = {}, journal?: Journal, restored: Restored | null = null) {
    this.secondary = new Secondary(
      { nodeId: 's1', bootId: 'B', faults: { ...NO_FAULTS, ...faults } },
      (event) => this.logEvents.push(event),
      new Replica(journal, restored),
    );
  }

  /** A frame arrives. Returns its answer, or 'no answer yet'. */
  receive(from: number, messages: readonly string[], options: FrameOptions = {}): string {
    const { draws = [0.5, 0.5], now = 0, ...told } = options;
    const frame = { ...FRAME, ...told, from, messages: packMessages(messages) };
    let mine = 'no answer yet';
    this.secondary.receive(frame, draws, now, (answer) => {
      mine = short(answer);
      this.answers.push(mine);
    });
    // The bytes are the caller's again, who may use them for what comes next.
    frame.messages.bytes.fill(0);
    return mine;
  }

  shown(): string[] {
    return messagesOf(this.secondary.log);
  }

  keys(): [number, string][] {
    return this.secondary.keys.within(1, 1000);
  }

  /** All that a frame may change. */
  state(): unknown {
    const { logId, epoch, held } = this.secondary;
    return { shown: this.shown(), keys: this.keys(), logId, epoch, held };
  }
}

function short(answer: FrameAnswer): string {
  if (answer.kind === 'ack') return `ack ${answer.ack.length}`;
  const { kind: _, ...refusal } = answer;
  return `refused ${JSON.stringify(refusal)}`;
}

describe('Secondary: the order of what it shows', () => {
  it('shows 1 · 1 · 1 · 1,2,3,4 when it receives 1, 3, 4, 2', () => {
    const node = new Node();
    const steps = [1, 3, 4, 2].map((seq) => {
      const answer = node.receive(seq, [`m${seq}`]);
      return `${answer}: ${node.shown()} (held ${node.secondary.held})`;
    });
    assert.deepEqual(steps, [
      'ack 1: m1 (held 0)',
      'ack 1: m1 (held 1)',
      'ack 1: m1 (held 2)',
      'ack 4: m1,m2,m3,m4 (held 0)',
    ]);
  });

  it('holds a frame whose first message is already beyond the next one', () => {
    const node = new Node();
    assert.equal(node.receive(2, ['b', 'c']), 'ack 0');
    assert.equal(node.secondary.held, 2);
    assert.equal(node.receive(1, ['a']), 'ack 3');
  });

  it('closes only the first of two gaps', () => {
    const node = new Node();
    node.receive(2, ['b']);
    node.receive(4, ['d']);
    assert.equal(node.receive(1, ['a']), 'ack 2');
    assert.equal(node.secondary.held, 1);
    assert.equal(node.receive(3, ['c']), 'ack 4');
  });

  it('forgets what it held when a longer frame brings the same', () => {
    const node = new Node();
    node.receive(2, ['b']);
    node.receive(4, ['d']);
    assert.equal(node.receive(1, ['a', 'b', 'c']), 'ack 4');
    assert.deepEqual([node.shown(), node.secondary.held], [['a', 'b', 'c', 'd'], 0]);
  });

  it('states in an ack which incarnation of which log it speaks for', () => {
    const { secondary } = new Node();
    const frame = { ...FRAME, epoch: 3, from: 1, messages: packMessages(['a']) };
    let answer: FrameAnswer | null = null;
    secondary.receive(frame, [0.5, 0.5], 0, (given) => {
      answer = given;
    });
    assert.deepEqual(answer, {
      kind: 'ack',
      ack: { bootId: 'B', logId: 'L', epoch: 3, length: 1 },
    });
  });

  it('ends with the whole log, however it is cut, mixed and repeated, in 300 random histories', () => {
    for (const seed of seeds(300)) {
      const dice = new Dice(seed);
      const node = new Node();
      const all = dice.list(dice.integer(1, 30), () => dice.text(6));
      const keyOf = (seq: number) => (seq % 3 === 0 ? `key-${seq}` : null);
      const seqs = all.map((_, index) => index + 1);
      const received = new Set<number>();
      const send = (from: number, to: number) => {
        const keys = seqs
          .filter((seq) => seq >= from && seq <= to && keyOf(seq) !== null)
          .map((seq) => [seq, `key-${seq}`] as const);
        const answer = node.receive(from, all.slice(from - 1, to), { keys });
        for (let seq = from; seq <= to; seq += 1) received.add(seq);
        // The reference model: a set of seqs, of which the contiguous prefix is counted anew.
        let length = 0;
        while (received.has(length + 1)) length += 1;
        assert.equal(answer, `ack ${length}`);
        assert.deepEqual(node.shown(), all.slice(0, length));
        assert.equal(node.secondary.held, received.size - length);
        const shownKeys = seqs.filter((seq) => seq <= length && keyOf(seq) !== null);
        assert.deepEqual(
          node.keys(),
          shownKeys.map((seq) => [seq, `key-${seq}`]),
        );
      };
      for (let step = 0; step < 20; step += 1) {
        const from = dice.integer(1, all.length);
        send(from, dice.integer(from, Math.min(all.length, from + 5)));
      }
      send(1, all.length);
      assert.deepEqual([node.shown(), node.secondary.held], [all, 0]);
    }
  });
});

describe('Secondary: what it already has', () => {
  it('is acknowledged again and stored once', () => {
    const node = new Node();
    assert.equal(node.receive(1, ['a', 'b']), 'ack 2');
    assert.equal(node.receive(1, ['a', 'b']), 'ack 2');
    assert.equal(node.receive(1, ['a']), 'ack 2');
    assert.equal(node.receive(2, ['b', 'c']), 'ack 3');
    assert.deepEqual(node.shown(), ['a', 'b', 'c']);
  });

  it('is held once too', () => {
    const node = new Node();
    assert.deepEqual([node.receive(3, ['c']), node.receive(3, ['c'])], ['ack 0', 'ack 0']);
    assert.equal(node.secondary.held, 1);
  });

  it('is counted, as are frames', () => {
    const node = new Node();
    node.receive(1, ['a', 'b']);
    node.receive(1, ['a', 'b', 'c']);
    node.receive(7, ['g']);
    node.receive(1, ['x']);
    node.receive(4, ['d'], { draws: [0.5, 0.5], logId: 'M' });
    assert.deepEqual(node.secondary.counts, { applied: 3, refused: 2, duplicates: 2 });
  });

  it('may come in a frame without messages, which only asks where it is', () => {
    const node = new Node();
    node.receive(1, ['a']);
    assert.equal(node.receive(1, []), 'ack 1');
    assert.equal(node.receive(2, []), 'ack 1');
  });
});

describe('Secondary: a refused frame changes nothing', () => {
  /** A node that shows a, b and holds d, all at epoch 2. */
  function usual(): Node {
    const node = new Node();
    node.receive(1, ['a', 'b'], { epoch: 2, keys: [[2, 'k']] });
    node.receive(4, ['d'], { epoch: 2 });
    return node;
  }

  const diverged = (seq: number) => ({ problem: 'diverged', seq, length: 2 });
  const gap = { problem: 'gap', length: 2 };
  const table: [why: string, frame: Parameters<Node['receive']>, refusal: object][] = [
    ['another text where it shows one', [2, ['x'], { epoch: 2 }], diverged(2)],
    ['the same with a new message behind it', [2, ['x', 'c'], { epoch: 2 }], diverged(2)],
    ['another text where it holds one', [4, ['x'], { epoch: 2 }], diverged(4)],
    ['the same behind a message that fits', [3, ['c', 'x'], { epoch: 2 }], diverged(4)],
    ['another text where it shows one, at a higher epoch', [1, ['x'], { epoch: 3 }], diverged(1)],
    ['a lower epoch', [3, ['c'], { epoch: 1 }], { problem: 'stale-epoch', epoch: 2 }],
    ['another log', [3, ['c'], { epoch: 2, logId: 'M' }], { problem: 'log-mismatch', logId: 'L' }],
    ['a seq too far ahead', [3 + HELD_MESSAGES_MAX, ['x'], { epoch: 2 }], gap],
    ['too many bytes ahead', [5, ['x'.repeat(HELD_BYTES_MAX)], { epoch: 2 }], gap],
  ];
  for (const [why, frame, refusal] of table) {
    it(`for ${why}`, () => {
      const node = usual();
      const before = node.state();
      assert.equal(node.receive(...frame), `refused ${JSON.stringify(refusal)}`);
      assert.deepEqual(node.state(), before);
      assert.deepEqual(node.logEvents.at(-1), {
        level: 'warn',
        event: 'frame-refused',
        fields: { from: frame[0], ...refusal },
      });
    });
  }

  it('and a divergence is named by the first seq that differs', () => {
    const node = new Node();
    node.receive(1, ['a', 'b', 'c', 'd']);
    const refusal = node.receive(1, ['a', 'b', 'x', 'y']);
    assert.equal(refusal, 'refused {"problem":"diverged","seq":3,"length":4}');
  });

  it('but what is held already needs no room to come again', () => {
    const node = new Node();
    const large = 'x'.repeat(HELD_BYTES_MAX * 0.75);
    assert.equal(node.receive(3, [large]), 'ack 0');
    assert.equal(node.receive(3, [large]), 'ack 0');
    assert.equal(node.receive(4, [large]), 'refused {"problem":"gap","length":0}');
  });

  it('but takes the farthest seq it may hold', () => {
    assert.equal(usual().receive(2 + HELD_MESSAGES_MAX, ['x'], { epoch: 2 }), 'ack 2');
  });

  it('but takes a frame of any size when it is the next one', () => {
    const node = usual();
    assert.equal(node.receive(3, ['x'.repeat(HELD_BYTES_MAX)], { epoch: 2 }), 'ack 4');
  });
});

describe('Secondary: a higher epoch', () => {
  it('clears what was held, for the master may never have placed it', () => {
    const node = new Node();
    node.receive(1, ['a']);
    node.receive(3, ['c of epoch 1']);
    assert.equal(node.receive(2, ['b'], { epoch: 2 }), 'ack 2');
    assert.deepEqual([node.secondary.held, node.secondary.epoch], [0, 2]);
    assert.equal(node.receive(3, ['c of epoch 2'], { epoch: 2 }), 'ack 3');
  });

  it('needs no room beside what it makes it forget', () => {
    const node = new Node();
    const large = 'x'.repeat(HELD_BYTES_MAX * 0.75);
    assert.equal(node.receive(3, [large]), 'ack 0');
    assert.equal(node.receive(5, [large], { epoch: 2 }), 'ack 0');
    assert.equal(node.secondary.held, 1);
  });

  it('may tell another text for what was only held', () => {
    const node = new Node();
    node.receive(2, ['b of epoch 1']);
    assert.equal(node.receive(2, ['b of epoch 2'], { epoch: 2 }), 'ack 0');
    node.receive(1, ['a'], { epoch: 2 });
    assert.deepEqual(node.shown(), ['a', 'b of epoch 2']);
  });

  it('is kept with the messages written under it', () => {
    const node = new Node();
    node.receive(1, ['a', 'b']);
    node.receive(4, ['d'], { epoch: 5 });
    node.receive(3, ['c'], { epoch: 5 });
    assert.deepEqual(node.secondary.log.epochs, [
      { epoch: 1, writer: '', firstSeq: 1 },
      { epoch: 5, writer: '', firstSeq: 3 },
    ]);
  });
});

describe('Secondary: idempotency keys', () => {
  it('travel with the messages they belong to', () => {
    const node = new Node();
    node.receive(1, ['a', 'b', 'c'], {
      keys: [
        [1, 'x'],
        [3, 'y'],
      ],
    });
    assert.deepEqual(node.keys(), [
      [1, 'x'],
      [3, 'y'],
    ]);
  });

  it('are recorded once when a frame overlaps what is shown', () => {
    const node = new Node();
    node.receive(1, ['a'], { keys: [[1, 'x']] });
    node.receive(1, ['a', 'b'], {
      keys: [
        [1, 'x'],
        [2, 'x'],
      ],
    });
    assert.deepEqual(node.keys(), [
      [1, 'x'],
      [2, 'x'],
    ]);
    assert.equal(node.secondary.keys.find('x')?.count, 2);
  });

  it('are held back with their messages', () => {
    const node = new Node();
    node.receive(2, ['b', 'c'], { keys: [[3, 'y']] });
    assert.deepEqual(node.keys(), []);
    node.receive(1, ['a'], { keys: [[1, 'x']] });
    assert.deepEqual(node.keys(), [
      [1, 'x'],
      [3, 'y'],
    ]);
  });
});

describe('Secondary: traces', () => {
  it('are noted when their entry has come, by what somebody records', () => {
    const node = new Node();
    const traces = [
      { seq: 2, parent: 'p2', isSampled: true },
      { seq: 3, parent: 'p3', isSampled: false },
    ];
    node.receive(2, ['b', 'c'], { traces });
    node.receive(1, ['a', 'b'], { traces: traces.slice(0, 1) });
    node.receive(1, ['x', 'b'], { traces: traces.slice(0, 1) });
    const noted = node.logEvents.filter(({ event }) => event === 'entry-received');
    assert.deepEqual(
      noted.map(({ level, fields }) => [level, fields]),
      [
        ['info', { seq: 2, epoch: 1, shown: false, traceparent: 'p2' }],
        ['debug', { seq: 3, epoch: 1, shown: false, traceparent: 'p3' }],
        ['info', { seq: 2, epoch: 1, shown: true, traceparent: 'p2' }],
      ],
    );
  });
});

describe('Secondary: heartbeats', () => {
  it('say of a empty that it has no log and no epoch', () => {
    const { secondary } = new Node();
    assert.deepEqual(secondary.heartbeat(), {
      nodeId: 's1',
      bootId: 'B',
      logId: null,
      epoch: 0,
      length: 0,
      prepareReply: null,
    });
  });

  it('say what it shows, not what it holds', () => {
    const node = new Node();
    node.receive(1, ['a'], { epoch: 4 });
    node.receive(3, ['c'], { epoch: 4 });
    const { logId, epoch, length } = node.secondary.heartbeat();
    assert.deepEqual({ logId, epoch, length }, { logId: 'L', epoch: 4, length: 1 });
  });

  it('tell a master how much has come of frames that are not whole, once there is any', () => {
    const { secondary } = new Node();
    const prepare = preparing({ logId: 'L', epoch: 1, writer: 'W' });
    assert.equal(Object.hasOwn(secondary.heartbeat(prepare), 'receivedBytes'), false);
    secondary.received(1000);
    secondary.received(500);
    assert.equal(secondary.heartbeat(prepare).receivedBytes, 1500);
    assert.equal(Object.hasOwn(secondary.heartbeat(), 'receivedBytes'), false);
  });

  it('are a sign of a master, and so are frames', () => {
    const [asked, pushed] = [new Node(), new Node()];
    assert.equal(asked.secondary.hasHeardMaster, false);
    asked.secondary.heartbeat();
    pushed.receive(1, ['a']);
    assert.deepEqual(
      [asked.secondary.hasHeardMaster, pushed.secondary.hasHeardMaster],
      [true, true],
    );
  });

  it('note the log it joined and the epoch it saw, once', () => {
    const node = new Node();
    node.receive(1, ['a']);
    node.receive(2, ['b']);
    assert.deepEqual(node.logEvents, [
      { level: 'info', event: 'joined-log', fields: { logId: 'L' } },
      { level: 'info', event: 'epoch-seen', fields: { epoch: 1, writer: null } },
    ]);
  });
});

describe('Secondary: the delay', () => {
  it('is counted from the arrival of each frame', () => {
    const node = new Node({ delayMs: 100 });
    assert.equal(node.secondary.nextWakeAt(), Number.POSITIVE_INFINITY);
    assert.equal(node.receive(1, ['a'], { now: 10 }), 'no answer yet');
    node.receive(2, ['b'], { now: 60 });
    assert.equal(node.secondary.nextWakeAt(), 110);
    node.secondary.tick(109);
    assert.deepEqual([node.answers, node.shown()], [[], []]);
    node.secondary.tick(110);
    assert.deepEqual(node.answers, ['ack 1']);
    assert.equal(node.secondary.nextWakeAt(), 160);
    node.secondary.tick(1000);
    assert.deepEqual(node.answers, ['ack 1', 'ack 2']);
    assert.deepEqual(node.shown(), ['a', 'b']);
  });

  it('that is lowered lets waiting frames through, in their order, before a new one', () => {
    const node = new Node({ delayMs: 1000 });
    node.receive(1, ['a'], { now: 0 });
    node.receive(2, ['b'], { now: 0 });
    node.secondary.setFaults({ delayMs: 0 });
    node.receive(3, ['c'], { now: 1 });
    assert.deepEqual(node.answers, ['ack 1', 'ack 2', 'ack 3']);
    assert.deepEqual(node.shown(), ['a', 'b', 'c']);
  });

  it('leaves messages received but not visible, each counted once', () => {
    const node = new Node();
    node.receive(1, ['a']);
    node.receive(5, ['e', 'f']);
    node.secondary.setFaults({ delayMs: 100 });
    assert.equal(node.secondary.held, 2);
    for (const [from, count] of [
      [1, 3],
      [2, 2],
      [6, 3],
      [2, 0],
    ] as const) {
      node.receive(from, Array(count).fill('x'));
    }
    assert.equal(node.secondary.held, 2 + 2 + 2, '2, 3; 5, 6; 7, 8');
  });

  it('that is raised holds up waiting frames as well', () => {
    const node = new Node({ delayMs: 100 });
    node.receive(1, ['a'], { now: 0 });
    node.secondary.setFaults({ delayMs: 300 });
    assert.equal(node.secondary.nextWakeAt(), 300);
  });

  it('holds only so many bytes; a frame beyond them is refused, and not applied later', () => {
    const node = new Node({ delayMs: 100 });
    const half = 'x'.repeat(DELAYED_BYTES_MAX / 2 - 3 - FRAME_OVERHEAD_BYTES);
    const overloaded = `refused {"problem":"overloaded","limit":${DELAYED_BYTES_MAX}}`;
    const later = 'no answer yet';
    assert.deepEqual([node.receive(1, [half]), node.receive(2, [half])], [later, later]);
    assert.equal(node.receive(3, ['']), overloaded);
    node.secondary.tick(100);
    assert.deepEqual(node.answers, [overloaded, 'ack 1', 'ack 2']);
    const again = [3, 4].map((seq) => node.receive(seq, [half], { now: 100 }));
    assert.deepEqual(again, [later, later], 'there is room again');
  });

  it('counts frames that bring nothing, too', () => {
    const node = new Node({ delayMs: 100 });
    for (let i = 0; i < DELAYED_BYTES_MAX / FRAME_OVERHEAD_BYTES; i += 1) node.receive(1, []);
    assert.equal(node.answers.length, 0);
    assert.match(node.receive(1, []), /overloaded/);
  });

  it('takes one frame of any size', () => {
    const node = new Node({ delayMs: 100 });
    assert.equal(node.receive(1, ['x'.repeat(DELAYED_BYTES_MAX)]), 'no answer yet');
  });
});

describe('Secondary: injected errors', () => {
  const before = 'refused {"problem":"injected-fault","applied":false}';
  const after = 'refused {"problem":"injected-fault","applied":true}';
  const table: [faults: Partial<Faults>, draws: FaultDraws, answer: string, shown: string[]][] = [
    [{ errorRate: 0.3 }, [0.29, 0], before, []],
    [{ errorRate: 0.3 }, [0.3, 0], 'ack 1', ['a']],
    [{ errorRate: 1 }, [0.999, 0], before, []],
    [{ errorRate: 0 }, [0, 0], 'ack 1', ['a']],
    [{ errorAfterApplyRate: 0.3 }, [0, 0.29], after, ['a']],
    [{ errorAfterApplyRate: 0.3 }, [0, 0.3], 'ack 1', ['a']],
    [{ errorRate: 1, errorAfterApplyRate: 1 }, [0, 0], before, []],
  ];
  for (const [faults, draws, answer, shown] of table) {
    it(`with ${JSON.stringify(faults)} and draws ${draws}: ${answer}`, () => {
      const node = new Node(faults);
      assert.equal(node.receive(1, ['a'], { draws }), answer);
      assert.deepEqual(node.shown(), shown);
    });
  }

  it('after applying lose the ack only: the repeat is acknowledged', () => {
    const node = new Node({ errorAfterApplyRate: 0.5 });
    assert.equal(node.receive(1, ['a'], { draws: [0, 0] }), after);
    assert.equal(node.receive(1, ['a'], { draws: [0, 0.9] }), 'ack 1');
  });

  it('do not stand in for a refusal: what is not applied is refused as it is', () => {
    const node = new Node({ errorAfterApplyRate: 1 });
    assert.match(node.receive(2 + HELD_MESSAGES_MAX, ['x']), /gap/);
  });

  it('are noted, and so is a change of them', () => {
    const node = new Node({ errorRate: 1 });
    node.receive(1, ['a']);
    node.secondary.setFaults({ errorRate: 0, errorAfterApplyRate: 1 });
    node.receive(1, ['a']);
    assert.deepEqual(
      node.logEvents.map(({ event }) => event),
      ['fault-before-apply', 'faults-set', 'joined-log', 'epoch-seen', 'fault-after-apply'],
    );
  });

  it('are replaced only where a change names them', () => {
    const node = new Node({ delayMs: 5, errorRate: 0.1 });
    node.secondary.setFaults({ errorAfterApplyRate: 0.2 });
    assert.deepEqual(node.secondary.faults, {
      delayMs: 5,
      errorRate: 0.1,
      errorAfterApplyRate: 0.2,
    });
  });
});

const A2 = { epoch: 2, writer: 'A' };

describe('Secondary: a prepare in a heartbeat', () => {
  it('is answered also with how many messages are held', () => {
    const node = new Node();
    node.receive(2, ['b', 'c']);
    node.receive(2, ['b', 'c'], { writer: 'A', epochs: [{ epoch: 1, writer: 'A', firstSeq: 1 }] });
    assert.equal(
      node.secondary.heartbeat(preparing({ logId: 'L', epoch: 1, writer: 'A' })).held,
      2,
    );
    assert.equal('held' in node.secondary.heartbeat(), false);
  });

  const prepare = (epoch: number, writer: string, logId = 'L') =>
    preparing({ logId, epoch, writer });

  it('is taken note of, and answered with how it stands to the prepare', () => {
    const node = new Node();
    node.receive(1, ['a', 'b'], { epoch: 2, writer: 'A', epochs: [{ ...A2, firstSeq: 1 }] });
    const { logId, epoch, length, prepareReply } = node.secondary.heartbeat(prepare(3, 'B'));
    assert.deepEqual([logId, epoch, length], ['L', 3, 2]);
    assert.deepEqual(prepareReply, {
      writer: 'B',
      lastEpoch: 2,
      lastWriter: 'A',
      isLogMatched: false,
      isComplete: false,
    });
    assert.deepEqual([node.secondary.epoch, node.secondary.writer], [3, 'B']);
    assert.match(node.receive(3, ['c'], { epoch: 2, writer: 'A' }), /stale-epoch/);
  });

  it('of the master it has been compared with finds it agreed', () => {
    const node = new Node();
    node.receive(1, ['a'], { epoch: 2, writer: 'A', epochs: [{ ...A2, firstSeq: 1 }] });
    assert.equal(node.secondary.heartbeat(prepare(2, 'A')).prepareReply?.isLogMatched, true);
    assert.equal(node.secondary.heartbeat(prepare(2, 'A', 'M')).prepareReply?.isLogMatched, false);
    assert.equal(
      node.secondary.heartbeat(prepare(1, 'A')).prepareReply?.isLogMatched,
      false,
      'an older one',
    );
  });

  it('makes a empty join, and tells that it has nothing', () => {
    const node = new Node();
    const { logId, epoch, length, prepareReply } = node.secondary.heartbeat(prepare(1, 'A'));
    assert.deepEqual([logId, epoch, length], ['L', 1, 0]);
    assert.deepEqual(prepareReply, {
      writer: 'A',
      lastEpoch: 0,
      lastWriter: '',
      isLogMatched: false,
      isComplete: false,
    });
    assert.equal(node.secondary.hasHeardMaster, true);
  });

  it('of another log changes nothing', () => {
    const node = new Node();
    node.receive(1, ['a'], { epoch: 2 });
    const { logId, epoch, prepareReply } = node.secondary.heartbeat(prepare(9, 'Z', 'M'));
    assert.deepEqual([logId, epoch], ['L', 2]);
    assert.deepEqual(prepareReply, {
      writer: '',
      lastEpoch: 2,
      lastWriter: '',
      isLogMatched: false,
      isComplete: false,
    });
  });

  it('lets a frame that waits for its delay be refused, if that is of an older master', () => {
    const node = new Node({ delayMs: 100 });
    node.receive(1, ['a'], { epoch: 1 });
    node.secondary.heartbeat(prepare(2, 'A'));
    node.secondary.tick(100);
    assert.deepEqual(node.answers, ['refused {"problem":"stale-epoch","epoch":2}']);
    assert.deepEqual(node.shown(), []);
  });
});

describe('Secondary: what a newer master does not have', () => {
  it('is cut off and counted', () => {
    const node = new Node();
    node.receive(1, ['a', 'x', 'y'], { epoch: 1 });
    const epochs = [
      { epoch: 1, writer: '', firstSeq: 1 },
      { ...A2, firstSeq: 2 },
    ];
    assert.equal(node.receive(1, [], { ...A2, epochs }), 'ack 1');
    assert.deepEqual([node.shown(), node.secondary.discarded], [['a'], 2]);
    assert.equal(node.receive(2, ['b'], A2), 'ack 2');
    assert.deepEqual(node.shown(), ['a', 'b']);
  });
});

describe('Secondary: the epoch of its log', () => {
  const A1 = { epoch: 1, writer: 'A', firstSeq: 1 };
  const state = ({ secondary }: Node) => [secondary.epoch, secondary.logEpoch];

  it('is that of who wrote what it shows, not of who only asked', () => {
    const node = new Node();
    assert.deepEqual(state(node), [0, 0]);
    node.receive(1, ['a', 'x'], { ...A1, epochs: [A1] });
    assert.deepEqual(state(node), [1, 1]);
    node.secondary.heartbeat(preparing({ logId: 'L', ...A2 }));
    assert.deepEqual([...state(node), node.shown()], [2, 1, ['a', 'x']]);
    node.receive(2, ['b'], { ...A2, epochs: [A1, { ...A2, firstSeq: 2 }] });
    assert.deepEqual([...state(node), node.shown()], [2, 2, ['a', 'b']]);
  });

  it('is the new one as soon as all is there that its master began with', () => {
    const node = new Node();
    const epochs = [A1, { ...A2, firstSeq: 3 }];
    node.receive(1, ['a'], { ...A2, epochs });
    assert.deepEqual(state(node), [2, 1]);
    node.receive(2, ['b'], A2);
    assert.deepEqual(state(node), [2, 2]);
  });
});

describe('Secondary: with a disk', () => {
  const onDisk = (faults: Partial<Faults> = {}) => {
    const disk = new SlowDisk();
    const node = new Node(faults, disk);
    /** So much is durable from now on; everything without a length. */
    const sync = (length?: number) => {
      disk.sync(length);
      node.secondary.synced();
    };
    return { disk, node, sync };
  };
  const later = 'no answer yet';

  it('acks nothing that is not durable, and then in the order of arrival', () => {
    const { node, sync } = onDisk();
    assert.equal(node.receive(1, ['a']), later);
    assert.equal(node.receive(2, ['b', 'c']), later);
    assert.equal(node.receive(4, ['d']), later);
    node.secondary.synced();
    assert.deepEqual(node.answers, []);
    sync(2);
    assert.deepEqual(node.answers, ['ack 2'], 'the length is what is durable');
    sync();
    assert.deepEqual(node.answers, ['ack 2', 'ack 4', 'ack 4']);
  });

  it('acks a frame by hand that waits for the disk, also under a master of its epoch', () => {
    const { node, sync } = onDisk();
    node.receive(1, ['a'], { epoch: 2, writer: 'A', epochs: [{ ...A2, firstSeq: 1 }] });
    assert.equal(node.receive(2, ['b'], { epoch: 2 }), later);
    sync();
    assert.deepEqual(node.answers, ['ack 2', 'ack 2']);
    node.receive(3, ['c'], { epoch: 2 });
    node.secondary.heartbeat(preparing({ logId: 'L', epoch: 2, writer: 'B' }));
    sync();
    assert.equal(node.answers.at(-1), 'refused {"problem":"stale-epoch","epoch":2}');
  });

  it('acks at once what needs no disk, unless something before it waits', () => {
    const { node, sync } = onDisk();
    node.receive(1, ['a']);
    sync();
    assert.equal(node.receive(1, ['a']), 'ack 1');
    assert.equal(node.receive(3, ['c']), 'ack 1', 'it is only held');
    assert.equal(node.receive(2, ['b']), later);
    assert.equal(node.receive(1, ['a']), later);
    sync();
    assert.deepEqual(node.answers.slice(-2), ['ack 3', 'ack 3']);
  });

  it('keeps a refusal in its turn', () => {
    const { node, sync } = onDisk();
    node.receive(1, ['a']);
    assert.equal(node.receive(1, ['x']), later);
    sync();
    assert.deepEqual(node.answers, ['ack 1', 'refused {"problem":"diverged","seq":1,"length":1}']);
  });

  it('shows, states in heartbeats and counts as held only what is durable', () => {
    const { node, sync } = onDisk();
    node.receive(1, ['a', 'b', 'c']);
    node.receive(5, ['e']);
    assert.deepEqual([node.secondary.length, node.secondary.held], [0, 4]);
    assert.equal(node.secondary.heartbeat().length, 0);
    sync(2);
    assert.deepEqual([node.secondary.length, node.secondary.held], [2, 2]);
    assert.equal(node.secondary.heartbeat().length, 2);
    sync();
    assert.deepEqual([node.secondary.length, node.secondary.held], [3, 1]);
  });

  it('counts once what is neither durable nor out of its delay', () => {
    const { node } = onDisk();
    node.receive(1, ['a', 'b']);
    node.secondary.setFaults({ delayMs: 100 });
    node.receive(2, ['b', 'c']);
    assert.equal(node.secondary.held, 3);
  });

  it('refuses the frames of an older master that waited for the disk', () => {
    const { node, sync } = onDisk();
    node.receive(1, ['a']);
    node.receive(2, ['b']);
    sync(1);
    node.secondary.heartbeat(preparing({ logId: 'L', epoch: 2, writer: 'A' }));
    assert.deepEqual(node.answers, ['ack 1', 'refused {"problem":"stale-epoch","epoch":2}']);
    sync();
    assert.equal(node.answers.length, 2);
    assert.equal(node.secondary.length, 2, 'but what they brought is here');
  });

  it('refuses them also when a frame of the newer master has cut off what they brought', () => {
    const { node, sync } = onDisk();
    node.receive(1, ['a', 'b']);
    const epochs = [{ ...A2, firstSeq: 1 }];
    assert.equal(node.receive(1, ['X'], { ...A2, epochs }), later);
    assert.deepEqual(node.answers, ['refused {"problem":"stale-epoch","epoch":2}']);
    sync();
    assert.deepEqual(node.answers.slice(1), ['ack 1']);
    assert.deepEqual(node.shown(), ['X']);
  });

  it('refuses a frame for which there is no room, and takes it when there is', () => {
    const { node, disk, sync } = onDisk();
    disk.isFull = true;
    assert.equal(node.receive(1, ['a']), 'refused {"problem":"disk-full"}');
    disk.isFull = false;
    node.receive(1, ['a']);
    sync();
    assert.equal(node.answers.at(-1), 'ack 1');
  });

  it('does not say that it listens to a new master before that is on its disk', () => {
    const { node, disk, sync } = onDisk();
    node.receive(1, ['a']);
    sync();
    const prepare = preparing({ logId: 'L', epoch: 2, writer: 'B' });
    const told = () => {
      const { epoch, prepareReply } = node.secondary.heartbeat(prepare);
      return [epoch, prepareReply?.writer];
    };
    disk.isFull = true;
    assert.deepEqual(told(), [1, ''], 'after a crash it would listen to the old one again');
    assert.match(node.receive(2, ['b']), /stale-epoch/, 'but it does not in this run');
    disk.isFull = false;
    assert.deepEqual(told(), [2, 'B']);
    const count = disk.told.length;
    told();
    assert.equal(disk.told.length, count, 'it is written once');
  });

  it('goes on with what was restored of an earlier run', () => {
    const [log, keys] = [new Log(), new KeyIndex()];
    log.append(packMessages(['a']), A2);
    keys.record('k', 1);
    const node = new Node({}, new SlowDisk(1), {
      logId: 'L',
      ballot: { epoch: 3, writer: 'B' },
      log,
      keys,
      isComplete: false,
    });
    const { logId, epoch, length } = node.secondary.heartbeat();
    assert.deepEqual([logId, epoch, length], ['L', 3, 1]);
    assert.match(node.receive(2, ['b'], { epoch: 2 }), /stale-epoch/);
    assert.match(node.receive(2, ['b'], { epoch: 3, writer: 'B' }), /epochs-missing/);
    assert.deepEqual(node.keys(), [[1, 'k']]);
  });
});
