/**
 * How the master finds its peers by name. The system's look-up may hang for as long as a name server is
 * silent, and holds one of libuv's few threads meanwhile; asked anew by each call, one such name would keep
 * all others from being found. So each name is looked up once at a time, apart from the calls that need it,
 * and calls go to the addresses that were known last: an answer is awaited only by who knows none at all.
 *
 * What is known is looked up again now and then, and whenever a call fails; so an address that changes is
 * followed, also when the old one swallows all that is sent to it.
 */
import type { LookupAddress } from 'node:dns';
import { LOOKUP_MS_MAX, LOOKUP_PAUSE_MS, LOOKUP_REFRESH_MS } from './limits.ts';

/** All addresses of a name, as the system knows them. Rejects with its code, as `ENOTFOUND`. */
export type Lookup = (name: string) => Promise<readonly LookupAddress[]>;

/** A name has no address, or none is known and the look-up does not end. */
export class NameError extends Error {
  /** As the system's look-up says it: `EAI_AGAIN` if there was no answer, `ENOTFOUND` if there is no address. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'NameError';
    this.code = code;
  }
}

interface Known {
  /** Where calls go; empty while nothing is known. */
  addresses: readonly LookupAddress[];
  /** Why the newest look-up that has ended gave nothing; null if it did. */
  error: NameError | null;
  /** The look-up that is under way. */
  pending: Promise<void> | null;
  /** When the newest look-up began, and ended. */
  beganAt: number;
  endedAt: number;
  /** Whether no call has reached an address of it since one failed. */
  isLost: boolean;
}

export class Names {
  readonly #lookup: Lookup;
  readonly #now: () => number;
  readonly #known = new Map<string, Known>();

  /** @param now in ms */
  constructor(lookup: Lookup, now = () => performance.now()) {
    this.#lookup = lookup;
    this.#now = now;
  }

  /**
   * The addresses of a name: those known last at once, or those that a look-up finds soon. Throws a
   * `NameError` if there are none, or when the signal aborts.
   */
  async find(name: string, signal?: AbortSignal): Promise<readonly LookupAddress[]> {
    const known = this.#of(name);
    if (known.addresses.length > 0) {
      if (this.#now() - known.endedAt > LOOKUP_REFRESH_MS) this.#look(name, known);
      return known.addresses;
    }
    this.#look(name, known);
    // A look-up that hangs is not waited for again and again.
    const leftMs = known.beganAt + LOOKUP_MS_MAX - this.#now();
    if (leftMs > 0) await untilTime(known.pending, leftMs, signal);
    const problem = this.problemOf(name);
    if (problem !== null) throw problem;
    return known.addresses;
  }

  /** Why a name cannot be called now; null if an address of it is known, or nobody has asked for it. */
  problemOf(name: string): NameError | null {
    const known = this.#known.get(name);
    if (known === undefined || known.addresses.length > 0) return null;
    const silent = () => new NameError('EAI_AGAIN', `the name ${name} did not resolve in time`);
    return known.pending === null ? (known.error ?? silent()) : silent();
  }

  /** The addresses known last; none if there are none, or nobody has asked for the name. */
  known(name: string): readonly LookupAddress[] {
    return this.#known.get(name)?.addresses ?? [];
  }

  /** A call has reached an address of the name. */
  reached(name: string): void {
    this.#of(name).isLost = false;
  }

  /** A call to the name has failed: perhaps it is somewhere else now, or at the next of its addresses. */
  failed(name: string): void {
    const known = this.#of(name);
    known.isLost = true;
    const [first, ...others] = known.addresses;
    if (first !== undefined) known.addresses = [...others, first];
    if (this.#now() - known.endedAt > LOOKUP_PAUSE_MS) this.#look(name, known);
  }

  #of(name: string): Known {
    let known = this.#known.get(name);
    if (known === undefined) {
      const never = Number.NEGATIVE_INFINITY;
      known = {
        addresses: [],
        error: null,
        pending: null,
        beganAt: never,
        endedAt: never,
        isLost: false,
      };
      this.#known.set(name, known);
    }
    return known;
  }

  /** Begins a look-up, unless one is under way. */
  #look(name: string, known: Known): void {
    if (known.pending !== null) return;
    known.beganAt = this.#now();
    known.pending = this.#lookup(name)
      .then(
        (addresses) => {
          // In the order in which they have been tried, if they are the same.
          if (addresses.length > 0 && !isSameSet(addresses, known.addresses)) {
            known.addresses = addresses;
          }
          known.error = addresses.length > 0 ? null : noAddress(name, 'ENOTFOUND');
        },
        (error: { code?: unknown }) => {
          known.error = noAddress(name, String(error?.code ?? error));
        },
      )
      .then(() => {
        known.pending = null;
        known.endedAt = this.#now();
        // A name server that fails says nothing of an address; that there is none is believed if nobody
        // is reached where it was, either.
        if (known.error?.code === 'ENOTFOUND' && known.isLost) known.addresses = [];
      });
  }
}

function isSameSet(some: readonly LookupAddress[], others: readonly LookupAddress[]): boolean {
  const texts = new Set(others.map(({ address }) => address));
  return some.length === others.length && some.every(({ address }) => texts.has(address));
}

function noAddress(name: string, code: string): NameError {
  return new NameError(code, `the name ${name} has no address (${code})`);
}

/** Resolves when `pending` does, or `ms` are over, or the signal aborts. */
function untilTime(pending: Promise<void> | null, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    signal?.addEventListener('abort', done, { once: true });
    if (signal?.aborted) done();
    pending?.then(done);
  });
}
