/** A tail of committed entries, from member to member: it is told each once and in order, and nothing is taken back. */
import { Follower } from '../../../src/lib/core/concerns/follower.ts';
import { shownTo } from '../../../src/lib/core/concerns/read-barrier.ts';
import type { LogPosition } from '../../../src/lib/core/log/log-position.ts';
import { seededRandom } from '../../../src/lib/runtime/random.ts';
import { idAt } from '../history.ts';
import { must } from '../invariant-ids.ts';
import { startOf } from '../oracle.ts';
import type { Machine } from './machine.ts';
import type { World } from './world.ts';

const DIGESTS = { log: (name: string) => name, writer: (name: string) => name };

export class Tail {
  readonly #world: World;
  readonly #random: () => number;
  readonly #told: string[] = [];
  #position: LogPosition | null = null;
  #at: Machine | null = null;
  #incarnation = 0;
  #follower: Follower | null = null;

  constructor(world: World, seed: number) {
    this.#world = world;
    this.#random = seededRandom(seed);
  }

  /** Perhaps reads here now, or comes here from another member. */
  look(machine: Machine): void {
    const isHere = this.#at === machine && this.#incarnation === machine.incarnation;
    if (isHere) {
      if (this.#random() < 0.3) this.#read(machine);
    } else if (this.#at?.isUp !== true || this.#random() < 0.005) this.#goTo(machine);
  }

  #goTo(machine: Machine): void {
    const { node } = machine;
    this.#at = machine;
    this.#incarnation = machine.incarnation;
    const start = this.#position ?? 1;
    this.#follower = new Follower(
      node,
      () => shownTo(node, 'majority'),
      start,
      DIGESTS,
      'majority',
    );
  }

  #read({ id, node }: Machine): void {
    const follower = this.#follower as Follower;
    const reset = follower.look();
    if (reset !== null) {
      const what = `a tail of ${this.#told.length} at ${id} is reset to ${reset.from}`;
      must('tail-is-true', !this.#world.isPromised || reset.from > this.#told.length, what);
      this.#told.length = Math.min(this.#told.length, reset.from - 1);
    }
    const { last } = follower;
    if (last < follower.next) return;
    for (let seq = follower.next; seq <= last; seq += 1) {
      must('tail-is-true', seq === this.#told.length + 1, `${id} tells ${seq} out of order`);
      this.#told.push(idAt(node.log, seq));
    }
    const index = Math.floor(this.#random() * last);
    const what = `a tail was told ${this.#told[index]}, and ${id} has another entry`;
    must('tail-is-true', this.#told[index] === idAt(node.log, index + 1), what);
    follower.told(last);
    this.#position = positionAt(node, last);
    this.#world.reached('tail');
  }
}

function positionAt({ log, logId }: Machine['node'], seq: number): LogPosition {
  const start = startOf(log.epochs, seq);
  const firstSeq = start?.firstSeq ?? 1;
  const before = startOf(log.epochs, firstSeq - 1);
  const previous = { epoch: before?.epoch ?? 0, writer: before?.writer ?? '' };
  const { epoch = 0, writer = '' } = start ?? {};
  return { seq, log: logId as string, epoch, writer, firstSeq, previous };
}
