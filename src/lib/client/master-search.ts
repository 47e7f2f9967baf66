/**
 * Finds the master among the nodes of a client. Where the master is elected, two nodes may claim to be it for a
 * moment: one that hung or was cut off, and its successor. The newest epoch wins. So a claim counts only if no node
 * names a newer master, once more than half of the nodes have answered, or a moment has passed.
 */
import { NoAnswerError } from './errors.ts';
import { type Health, isMember, type KnownMaster, readKnownMaster } from './health.ts';
import type { Scope } from './scope.ts';

/**
 * How long a claim of an elected master waits for what the other nodes say, in ms; one of them may not answer at all.
 */
const CLAIM_MS = 200;

/** A node to send an append to. */
export interface Candidate {
  readonly url: string;
  /** Whether it is known to be the master. */
  readonly isKnown: boolean;
  /** The epoch of an elected master; null if another one cannot be elected, or it is not known. */
  readonly epoch: number | null;
}

interface Claim extends Candidate {
  readonly isWritable: boolean;
  /** By which two claims are compared, also of masters that were not elected. */
  readonly rank: number;
}

/**
 * Asks all nodes at once, and does not wait for more of them than is needed.
 * @param urls all nodes
 * @param ask the health of a node
 * @throws NoAnswerError if no master answers now, but one may later
 */
export function findMaster(
  urls: readonly string[],
  ask: (url: string) => Promise<Health>,
  scope: Scope,
): Promise<Candidate> {
  const search = new MasterSearch(urls);
  return new Promise((resolve, reject) => {
    const look = (isLate: boolean) => {
      const found = search.found(isLate);
      if (found !== null) resolve(found);
    };
    const answers = urls.map(async (url) => {
      search.add(url, await ask(url).catch(() => null));
      look(false);
      if (search.isFirstClaim) scope.sleep(CLAIM_MS).then(() => look(true), ignored);
    });
    Promise.all(answers)
      .then(() => search.result())
      .then(resolve, reject);
  });
}

function ignored(): void {
  // The search is over.
}

class MasterSearch {
  readonly #urls: readonly string[];
  readonly #claims: Claim[] = [];
  readonly #healths = new Map<string, Health>();
  #newest: KnownMaster | null = null;

  constructor(urls: readonly string[]) {
    this.#urls = urls;
  }

  /** Takes what a node has answered; null if it has not. */
  add(url: string, health: Health | null): void {
    if (health === null) return;
    this.#healths.set(url, health);
    const named = readKnownMaster(health.master);
    if (named !== null && named.epoch > (this.#newest?.epoch ?? -1)) this.#newest = named;
    if (health.role !== 'master' || health.fenced !== undefined) return;
    const isWritable = ['ok', 'degraded'].includes(health.status);
    const epoch = isMember(health) ? health.epoch : null;
    this.#claims.push({ url, isKnown: true, epoch, isWritable, rank: health.epoch });
    this.#claims.sort((one, other) => other.rank - one.rank);
  }

  /** Whether the only claim so far came with the last answer. */
  get isFirstClaim(): boolean {
    return this.#claims.length === 1;
  }

  /** The master, if it is certain enough before all nodes have answered. */
  found(isLate: boolean): Candidate | null {
    const claim = this.#valid.find(({ isWritable }) => isWritable);
    if (claim === undefined) return null;
    const isEnough = isLate || claim.epoch === null || 2 * this.#healths.size > this.#urls.length;
    return isEnough ? claim : null;
  }

  /** What to do when all nodes were asked. */
  result(): Candidate {
    // A master that is not writable may be so soon.
    const found = this.found(true) ?? this.#valid[0];
    if (found !== undefined) return found;
    const refusing = this.#refusing();
    if (refusing === undefined) throw new NoAnswerError('no master answers');
    return { url: refusing, isKnown: false, epoch: null };
  }

  /** The claims of which no node knows that they are over. */
  get #valid(): Claim[] {
    const newest = this.#newest?.epoch ?? 0;
    return this.#claims.filter(({ epoch }) => epoch === null || epoch >= newest);
  }

  /** A node whose refusal says why no node can be the master: all answer, and it is none of them. */
  #refusing(): string | undefined {
    const healths = [...this.#healths.values()];
    const isMissing = this.#urls.some((url) => !this.#healths.has(url));
    if (isMissing || healths.some(({ role }) => role === 'master')) return undefined;
    if (!healths.some(isMember)) return this.#urls[0];
    const id = this.#newest?.id;
    if (id === undefined || healths.some(({ nodeId }) => nodeId === id)) return undefined;
    return this.#urls.find((url) => this.#healths.get(url)?.master?.id === id);
  }
}
