/**
 * The nodes of a cluster as its master sees them: itself, and a peer for each secondary. What concerns one
 * secondary alone is in `peer.ts`; here is what concerns them together: who holds an entry, whether
 * there is a quorum, and whether two names lead to one node.
 */

import { type Answered, NEVER_ANSWERED, Questions } from '../election/questions.ts';
import type { Replica } from '../log/replica.ts';
import type { Ack, Prepare } from '../protocol.ts';
import type { Ballot } from '../recovery/ballot.ts';
import { Peer } from './peer.ts';
import type { PeerConfig, PeerEffects } from './peer-ports.ts';
import { majorityOf } from './quorum.ts';

export interface ClusterConfig extends PeerConfig {
  /** The name of the master. */
  readonly nodeId: string;
  readonly secondaries: readonly { readonly id: string; readonly url: string }[];
}

/** Which nodes hold an entry now, in the order of the configuration, the master first. */
export interface Holders {
  readonly acked: string[];
  readonly pending: string[];
}

/** How many of its nodes a cluster needs to accept appends, and how many it has. */
export interface Quorum {
  readonly required: number;
  readonly available: number;
  readonly nodes: number;
}

/** Why a stream ended. */
export interface StreamFailure {
  /** For people. */
  readonly reason: string;
  /** The epoch of a newer master, if the secondary refused the stream for that; 0 if it did not say which. */
  readonly staleBy: number | null;
  /** Whether it was refused because it was for an incarnation that is over. */
  readonly isRestarted: boolean;
}

const NOBODY: readonly Peer[] = [];

export class Cluster {
  /** In the order of the configuration. */
  readonly peers: readonly Peer[];
  readonly #nodeId: string;
  readonly #replica: Replica;
  /** How much each node holds that counts, the master first; reused, for it is filled at every append. */
  readonly #countedLengths: number[] = [];
  /** The questions of this master, in the order in which they were asked. */
  readonly questions = new Questions();
  readonly #needsAdmission: boolean;
  /** By peer: the incomplete incarnation that was met. */
  readonly #metIncomplete = new Map<Peer, string>();
  /** The last question that was asked before an incomplete incarnation was met last. */
  #metAfter = 0;

  /** @param lastAwaited gives the largest seq that a client waits for; 0 if none does */
  constructor(
    config: ClusterConfig,
    replica: Replica,
    lastAwaited: () => number,
    effects: PeerEffects,
  ) {
    this.#nodeId = config.nodeId;
    this.#replica = replica;
    this.#needsAdmission = config.needsAdmission ?? false;
    this.peers = config.secondaries.map(
      ({ id, url }, index) =>
        new Peer(index, id, url, config, replica, lastAwaited, this.questions, effects),
    );
  }

  /** How many nodes there are, the master included. */
  get nodes(): number {
    return this.peers.length + 1;
  }

  /** How much each node holds that counts, the master first. The array is valid until the next call. */
  countedLengths(): readonly number[] {
    // The master's own disk is always required: no entry counts anywhere before it is stored there.
    const own = this.#replica.countedLength;
    this.#countedLengths[0] = own;
    for (let i = 0; i < this.peers.length; i += 1) {
      this.#countedLengths[i + 1] = Math.min(own, (this.peers[i] as Peer).countedLength);
    }
    return this.#countedLengths;
  }

  /** Which nodes hold the entry at `seq` now. */
  holders(seq: number): Holders {
    const acked: string[] = [];
    const pending: string[] = [];
    (this.#replica.countedLength >= seq ? acked : pending).push(this.#nodeId);
    for (const peer of this.peers) {
      (peer.countedLength >= seq ? acked : pending).push(peer.id);
    }
    return { acked, pending };
  }

  /**
   * Admits incomplete members whose acks may count: such a member holds L (`completeFrom`), and every other member has
   * answered a question that was asked after an incomplete one was met last. If a majority had acknowledged something
   * under a newer ballot, one of them would have said so. Returns who was admitted just now.
   */
  admit(now: number): readonly Peer[] {
    if (!this.#needsAdmission || this.peers.every(({ progress }) => progress.isVoter))
      return NOBODY;
    for (const peer of this.peers) this.#lookFor(peer, now);
    const admitted = this.peers.filter((peer) => this.#mayAdmit(peer));
    for (const peer of admitted) {
      peer.progress.isAdmitted = true;
      // It is told that it is complete with the next heartbeat.
      peer.wantAnswer(now);
    }
    return admitted;
  }

  /** Whether an incomplete incarnation was met that was not known before; then every member is asked again. */
  #lookFor(peer: Peer, now: number): void {
    const { bootId, isVoter } = peer.progress;
    if (bootId === null || isVoter || this.#metIncomplete.get(peer) === bootId) return;
    this.#metIncomplete.set(peer, bootId);
    this.#metAfter = Math.max(this.#metAfter, peer.metAfter);
    for (const one of this.peers) one.wantAnswer(now);
  }

  #mayAdmit(peer: Peer): boolean {
    const { progress } = peer;
    if (progress.bootId === null || progress.isVoter || !progress.isLogMatched) return false;
    const hasMark = progress.acked >= this.#replica.newest.firstSeq - 1;
    if (!hasMark || progress.acked < progress.completeFrom) return false;
    return this.peers.every((other) => other === peer || other.answered.question > this.#metAfter);
  }

  /**
   * The last question before which a majority has answered every one: this node, and the others that have lost
   * nothing. Those who have may have forgotten that they promised a newer ballot.
   */
  confirmed(): Answered {
    return this.#answeredByMajority(
      this.peers.filter(({ progress }) => progress.isComplete === true || progress.isAdmitted),
    );
  }

  /**
   * The same, of all that answer. A master stays the master by it: the others are too few to elect another one. It must,
   * while members that have lost their disks are refilled, for without it nobody could be elected then.
   */
  answered(): Answered {
    return this.#answeredByMajority(this.peers);
  }

  #answeredByMajority(peers: readonly Peer[]): Answered {
    const others = majorityOf(this.nodes) - 1;
    if (others === 0)
      return { question: this.questions.last + 1, askedAt: Number.POSITIVE_INFINITY };
    const answered = peers.map((peer) => peer.answered).toSorted((a, b) => b.question - a.question);
    return answered[others - 1] ?? NEVER_ANSWERED;
  }

  /** Asks every member a new question at once. */
  wantAnswers(now: number): void {
    for (const peer of this.peers) peer.wantAnswer(now);
  }

  quorum(): Quorum {
    const available = 1 + this.peers.filter((peer) => peer.isAvailable).length;
    return { required: majorityOf(this.nodes), available, nodes: this.nodes };
  }

  /** An ack arrived. Returns the epoch of the newer master that it tells of; null if it tells of none. */
  acked(
    secondary: number,
    stream: number,
    ack: Ack,
    leadership: Prepare | null,
    now: number,
    random: number,
  ): number | null {
    const peer = this.peers[secondary] as Peer;
    if (!peer.hasStream(stream)) return null;
    const isOurLog = leadership !== null && ack.logId === leadership.logId;
    if (isOurLog && ack.epoch > leadership.epoch) return ack.epoch;
    const { bootId, nodeId } = peer.progress;
    // A new incarnation may be of another node than the one before: the last name says nothing of it.
    const name = ack.bootId === bootId ? nodeId : null;
    const duplicate = this.findDuplicate(peer, ack.bootId, name);
    if (duplicate === null) peer.acked(ack, now, random);
    else peer.fail(duplicate, now, random);
    return null;
  }

  /** A stream has taken bytes that waited for it. */
  advanced(secondary: number, stream: number, now: number): void {
    const peer = this.peers[secondary] as Peer;
    if (peer.hasStream(stream)) peer.advanced(now);
  }

  /** A stream ended. Returns the epoch of the newer master for which it was refused, 0 if it was not said; else null. */
  streamFailed(
    secondary: number,
    stream: number,
    { reason, staleBy, isRestarted }: StreamFailure,
    now: number,
    random: number,
  ): number | null {
    const peer = this.peers[secondary] as Peer;
    if (!peer.hasStream(stream)) return null;
    // A secondary refuses us as stale only for an epoch that is not below ours; else the answer is nonsense.
    const { epoch } = this.#replica.ballot;
    if (staleBy === 0 || (staleBy !== null && staleBy >= epoch)) return staleBy;
    peer.fail(reason, now, random, isRestarted);
    return null;
  }

  /** Offers the handover of this ballot to the peer of this name, or the first, if it may take over; returns whom. */
  offerHandover(to: string | null, ballot: Ballot, now: number): string | null {
    const { length } = this.#replica.log;
    const successor = this.peers.find(
      (peer) => (to === null || peer.id === to) && peer.mayTakeOver(length),
    );
    successor?.offerHandover(ballot, now);
    return successor?.id ?? null;
  }

  /**
   * The same node must never count twice. If one incarnation answers under two names (an address given in two
   * spellings, say), it counts under the name that met it first; under this one nothing is known of it. The
   * name that a node gives itself tells two nodes apart that chose the same bootId.
   *
   * @param nodeId how the node calls itself; null if it did not say
   * @returns why the peer does not count, or null if it has an identity of its own
   */
  findDuplicate(peer: Peer, bootId: string, nodeId: string | null): string | null {
    const isSame = ({ progress }: Peer) =>
      progress.bootId === bootId &&
      (progress.nodeId === nodeId || progress.nodeId === null || nodeId === null);
    const other = this.peers.find((candidate) => candidate !== peer && isSame(candidate));
    if (other === undefined) return null;
    peer.forgetIdentity();
    return `it is the same node as ${other.id}`;
  }
}
