/**
 * The nodes of a cluster as its master sees them: itself, and a peer for each secondary. What concerns one
 * secondary alone is in `peer.ts`; here is what concerns them together: who holds an entry, whether
 * there is a quorum, and whether two names lead to one node.
 */
import type { Replica } from '../log/replica.ts';
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

export class Cluster {
  /** In the order of the configuration. */
  readonly peers: readonly Peer[];
  readonly #nodeId: string;
  readonly #replica: Replica;
  /** How much each node holds that counts, the master first; reused, for it is filled at every append. */
  readonly #countedLengths: number[] = [];

  /** @param lastAwaited gives the largest seq that a client waits for; 0 if none does */
  constructor(
    config: ClusterConfig,
    replica: Replica,
    lastAwaited: () => number,
    effects: PeerEffects,
  ) {
    this.#nodeId = config.nodeId;
    this.#replica = replica;
    this.peers = config.secondaries.map(
      ({ id, url }, index) => new Peer(index, id, url, config, replica, lastAwaited, effects),
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

  quorum(): Quorum {
    const available = 1 + this.peers.filter((peer) => peer.isAvailable).length;
    return { required: majorityOf(this.nodes), available, nodes: this.nodes };
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
