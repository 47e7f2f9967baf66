/**
 * What hurts an elected cluster: members are killed, frozen, stopped in peace, told to hand over, cut off in one or both
 * directions, and lose their disks, one after the other and a few at once. A disk is wiped only while all other members
 * are complete, as the promise demands.
 */
import type { Dice } from '../../lib/support.ts';
import { waitFor } from '../../support/wait.ts';
import { call, sleep } from '../http.ts';
import { LINK_FAULTS } from '../proxy.ts';
import type { Members } from './members.ts';

/** How long the cluster may take to have a master and be whole once the faults are over, in ms. */
const CALM_MS = 20_000;
/** How many messages a member may be behind while clients append. */
const LAG_MAX = 100;

/** What `GET /health` says, as far as it is needed here. */
interface Health {
  readonly role: string;
  readonly status: string;
  readonly length: number;
  readonly committed: number;
  readonly complete: boolean;
  readonly secondaries?: readonly Secondary[];
}

type Secondary = { readonly complete: boolean; readonly status: string };

export class Nemesis {
  /** How often each fault was played. */
  readonly counts = new Map<string, number>();
  readonly #members: Members;
  readonly #dice: Dice;
  /** Members that some fault has hold of. */
  readonly #busy = new Set<string>();
  /** A member whose disk was wiped, until it is complete again. */
  #wiped: string | null = null;
  /** The longest time from the end of all faults until the cluster was whole, in ms. */
  longestCalmMs = 0;

  constructor(members: Members, dice: Dice) {
    this.#members = members;
    this.#dice = dice;
  }

  async start(): Promise<void> {
    await Promise.all(this.#members.ids.map((id) => this.#members.start(id)));
    await this.calm();
  }

  /** Plays faults until `until`, with times of calm in between. */
  async torment(until: number): Promise<void> {
    while (performance.now() < until) {
      const end = Math.min(until, performance.now() + this.#dice.integer(4000, 12_000));
      const under: Promise<void>[] = [];
      while (performance.now() < end) {
        under.push(this.#play());
        await sleep(this.#dice.integer(100, 1500));
      }
      await Promise.all(under);
      await this.calm();
    }
  }

  /**
   * Waits until there is a master, and all members are Healthy and complete and have nearly all, for clients go on.
   * @param isQuiet whether clients have ended, so that all members must have all
   */
  async calm(isQuiet = false): Promise<void> {
    const lagMax = isQuiet ? 0 : LAG_MAX;
    const from = performance.now();
    let last = '';
    const isWhole = async () => {
      const healths = await Promise.all(this.#members.ids.map((id) => this.#health(id)));
      last = JSON.stringify(healths);
      const masters = healths.filter((one) => one?.role === 'master');
      const [master] = masters;
      if (masters.length !== 1 || master?.status !== 'ok') return false;
      const isNear = (one: Health | null) => one !== null && one.length >= master.length - lagMax;
      const isWell = (one: Secondary) => one.complete && one.status === 'Healthy';
      return master.secondaries?.every(isWell) === true && healths.every(isNear);
    };
    try {
      await waitFor('calm', isWhole, CALM_MS);
    } catch {
      throw new Error(`no calm within ${CALM_MS} ms: ${last}`);
    }
    this.#wiped = null;
    this.longestCalmMs = Math.max(this.longestCalmMs, Math.round(performance.now() - from));
  }

  /** One fault, from its beginning to its end. */
  async #play(): Promise<void> {
    const dice = this.#dice;
    const master = await this.#master();
    // Half of all faults hit the master.
    const id = master !== null && dice.chance(0.5) ? master : dice.pick(this.#members.ids);
    if (this.#busy.has(id)) return;
    this.#busy.add(id);
    const lastsMs = dice.integer(50, 3500);
    const kind = dice.pick([
      'kill',
      'kill',
      'freeze',
      'freeze',
      'stop',
      'link',
      'link',
      'hand over',
      'wipe',
      'disk',
    ]);
    const name = id === master ? `${kind} master` : kind;
    try {
      if (await this.#fault(kind, id, lastsMs)) {
        this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
      }
    } finally {
      this.#busy.delete(id);
    }
  }

  /** Returns whether it was played. */
  async #fault(kind: string, id: string, lastsMs: number): Promise<boolean> {
    const members = this.#members;
    const dice = this.#dice;
    switch (kind) {
      case 'kill':
      case 'stop':
        await members.end(id, kind === 'kill' ? 'SIGKILL' : 'SIGTERM');
        await sleep(lastsMs);
        await members.start(id);
        return true;
      case 'freeze':
        members.freeze(id);
        await sleep(lastsMs);
        members.thaw(id);
        return true;
      case 'link':
        members.disturb(id, dice.pick(LINK_FAULTS), dice);
        await sleep(lastsMs);
        members.heal(id);
        return true;
      case 'hand over':
        return members.handOver(id).then(
          ({ status }) => status === 200,
          () => false,
        );
      case 'wipe':
        return this.#wipe(id, lastsMs);
      default:
        if (!members.hasDiskFull || !members.fillDisk(id, dice)) return false;
        await sleep(lastsMs);
        members.freeDisk(id);
        return true;
    }
  }

  /** Replaces a disk by an empty one, if all others are complete and no other member is being refilled. */
  async #wipe(id: string, lastsMs: number): Promise<boolean> {
    if (this.#wiped !== null) return false;
    this.#wiped = id;
    if (!(await this.#areOthersComplete(id))) {
      this.#wiped = null;
      return false;
    }
    await this.#members.end(id, 'SIGKILL');
    this.#members.wipe(id);
    await sleep(lastsMs);
    await this.#members.start(id);
    return true;
  }

  /** Whether every other member says itself that it is complete: it has not lost anything. */
  async #areOthersComplete(id: string): Promise<boolean> {
    const others = this.#members.ids.filter((one) => one !== id);
    const healths = await Promise.all(others.map((one) => this.#health(one)));
    return healths.every((one) => one?.complete === true);
  }

  async #master(): Promise<string | null> {
    for (const id of this.#members.ids) {
      if ((await this.#health(id))?.role === 'master') return id;
    }
    return null;
  }

  async #health(id: string): Promise<Health | null> {
    try {
      return (await call(`${this.#members.url(id)}/health`, { timeoutMs: 500 })).body as Health;
    } catch {
      return null;
    }
  }
}
