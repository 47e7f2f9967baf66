/**
 * Resolves the names of a master's peers. The system's look-up may hang for as long as a name server is silent,
 * and holds one of libuv's few threads meanwhile. If each call looked its peer up, one such name would block all
 * others. So each name has at most one look-up under way, apart from the calls. A call uses the addresses that
 * are known, and waits for a look-up only if there are none.
 *
 * Known addresses are looked up again every few seconds and whenever a call fails. So a changed address is
 * noticed even if the old one silently drops all packets.
 */
import type { LookupAddress } from 'node:dns';
import { LOOKUP_MS_MAX, LOOKUP_PAUSE_MS, LOOKUP_REFRESH_MS } from './limits.ts';

/** The system's look-up of all addresses of a name. Rejects with an error that has a `code`, such as `ENOTFOUND`. */
type Lookup = (name: string) => Promise<readonly LookupAddress[]>;

/** A name has no address, or none is known and the look-up does not end. */
export class NameError extends Error {
  /** The code of the system's look-up: `EAI_AGAIN` without an answer, `ENOTFOUND` without an address. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'NameError';
    this.code = code;
  }
}

interface Known {
  /** The addresses that calls use; empty while none is known. */
  addresses: readonly LookupAddress[];
  /** Why the last finished look-up found nothing; null if it found something. */
  error: NameError | null;
  /** The look-up that is under way. */
  pending: Promise<void> | null;
  /** When the last look-up began, and ended. */
  beganAt: number;
  endedAt: number;
  /** Whether a call has failed, and none has succeeded since. */
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
   * The addresses of a name: the known ones at once, else those that a look-up finds in time. Throws a
   * `NameError` if there are none, or when the signal aborts.
   */
  async find(name: string, signal?: AbortSignal): Promise<readonly LookupAddress[]> {
    const known = this.#of(name);
    if (known.addresses.length > 0) {
      if (this.#now() - known.endedAt > LOOKUP_REFRESH_MS) this.#look(name, known);
      return known.addresses;
    }
    this.#look(name, known);
    // The wait counts from the beginning of the look-up, so that calls do not wait for a hanging one one by one.
    const leftMs = known.beganAt + LOOKUP_MS_MAX - this.#now();
    if (leftMs > 0) await untilTime(known.pending, leftMs, signal);
    const problem = this.problemOf(name);
    if (problem !== null) throw problem;
    return known.addresses;
  }

  /** Why a name cannot be called now; null if an address is known, or the name was never looked up. */
  problemOf(name: string): NameError | null {
    const known = this.#known.get(name);
    if (known === undefined || known.addresses.length > 0) return null;
    const silent = () => new NameError('EAI_AGAIN', `the name ${name} did not resolve in time`);
    return known.pending === null ? (known.error ?? silent()) : silent();
  }

  /** The known addresses of a name; may be none. */
  known(name: string): readonly LookupAddress[] {
    return this.#known.get(name)?.addresses ?? [];
  }

  /** Notes that a call to the name has succeeded. */
  reached(name: string): void {
    this.#of(name).isLost = false;
  }

  /** Notes that a call to the name has failed: the next call tries the next address, and a look-up begins. */
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
          // The same addresses keep their order, which says which ones have failed.
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
        // A failing name server says nothing about the addresses. `ENOTFOUND` counts only if calls fail as well.
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

/** Resolves when `pending` does, after `ms`, or when the signal aborts. */
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
