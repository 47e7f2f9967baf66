/**
 * A master hands over to another member: it takes no appends, waits until that one has all, and lets it stand at once.
 * The successor's prepare says by whose handover it comes, so that members listen to it though they hear the master.
 */
import type { Master } from '../master.ts';
import type { MasterFacts } from '../node.ts';

/** The new master, or a few words why there is none. */
export type HandoverEnd = MasterFacts | string;

/** How often it looks whether the successor has all, in ms. */
const CHECK_MS = 5;
/** After so long the handover is offered again, in ms: the question that told it may have been lost. */
const OFFER_AGAIN_MS = 250;

export class Handover {
  readonly #master: Master;
  readonly #to: string | null;
  readonly #deadline: number;
  readonly #onEnd: (end: HandoverEnd) => void;
  /** To whom it was offered; null while nobody has all. */
  #offeredTo: string | null = null;
  #isSteppedDown = false;
  #nextAt = 0;
  #isOver = false;

  constructor(
    master: Master,
    to: string | null,
    deadline: number,
    onEnd: (end: HandoverEnd) => void,
  ) {
    this.#master = master;
    this.#to = to;
    this.#deadline = deadline;
    this.#onEnd = onEnd;
  }

  /** Whether a candidate of this name comes by this handover. */
  isOfferedTo(id: string | null): boolean {
    return id !== null && id === this.#offeredTo;
  }

  /** This node is not the master any more: it waits for the heartbeat of the new one. */
  steppedDown(): void {
    if (this.#offeredTo === null) this.#end('it is not the master any more');
    this.#isSteppedDown = true;
  }

  /** A new master was heard. */
  heard(master: MasterFacts): void {
    if (this.#isSteppedDown) this.#end(master);
  }

  /** When there is something to do next, in ms. */
  get nextWakeAt(): number {
    return Math.min(this.#deadline, this.#isSteppedDown ? this.#deadline : this.#nextAt);
  }

  tick(now: number): void {
    if (now >= this.#deadline) {
      this.#end(this.#reason());
      return;
    }
    if (this.#isSteppedDown || now < this.#nextAt) return;
    if (this.#to === null && !this.#master.hasSuccessor) {
      this.#end('no other member is available and complete');
      return;
    }
    this.#offeredTo = this.#master.offerHandover(this.#offeredTo ?? this.#to, now);
    this.#nextAt = now + (this.#offeredTo === null ? CHECK_MS : OFFER_AGAIN_MS);
  }

  #reason(): string {
    if (this.#isSteppedDown) return `${this.#offeredTo} was to become the master and is not`;
    if (this.#offeredTo !== null) return `${this.#offeredTo} did not stand in time`;
    return this.#to === null
      ? 'no other member is complete and has all messages'
      : `${this.#to} is not complete, or has not all messages`;
  }

  #end(end: HandoverEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onEnd(end);
  }
}
