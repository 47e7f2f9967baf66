/**
 * The nodes of a client: which one is the master, and which one it reads from. Both are kept until they fail.
 */
import { isRefusedPort, REFUSED_PORT_RULE } from '../http/refused-ports.ts';
import type { Caller } from './caller.ts';
import { NoAnswerError } from './errors.ts';
import { type Health, type MasterHealth, readHealth } from './health.ts';
import { Scope } from './scope.ts';

/** A node to send an append to, and whether it is known to be the master. */
export interface Candidate {
  readonly url: string;
  readonly isKnown: boolean;
}

export class Nodes {
  readonly urls: readonly string[];
  readonly #caller: Caller;
  readonly #signal: AbortSignal | undefined;
  #master: string | null = null;
  #search: Promise<Candidate> | null = null;
  #reader = 0;

  /** @throws TypeError if there is no URL, or one cannot be that of a node */
  constructor(urls: readonly string[], caller: Caller, signal: AbortSignal | undefined) {
    if (urls.length === 0) throw new TypeError('nodes must name at least one URL');
    this.urls = urls.map(originOf);
    this.#caller = caller;
    this.#signal = signal;
  }

  /** The health of a node; throws a NoAnswerError or ProblemError. */
  health(scope: Scope, url: string): Promise<Health> {
    return this.#caller.ask(scope, url, { path: '/health' }, readHealth);
  }

  /**
   * The node to send appends to. If all nodes are secondaries it is one of them, whose refusal says why.
   * @throws NoAnswerError if no master answers now, but one may later
   */
  async master(scope: Scope): Promise<Candidate> {
    if (this.#master !== null) return { url: this.#master, isKnown: true };
    const [only] = this.urls as [string];
    if (this.urls.length === 1) return { url: only, isKnown: false };
    // Concurrent calls share one search.
    this.#search ??= this.#find().finally(() => {
      this.#search = null;
    });
    return scope.within(this.#search);
  }

  /** Makes the next call look for the master again, if it is this one. */
  forgetMaster(url: string): void {
    if (this.#master === url) this.#master = null;
  }

  /** All nodes, the one that is read from first. */
  readers(): string[] {
    return [...this.urls.slice(this.#reader), ...this.urls.slice(0, this.#reader)];
  }

  /** Makes reads use this node. */
  readFrom(url: string): void {
    this.#reader = this.urls.indexOf(url);
  }

  /** Makes reads use the next node, if they still use this one. */
  leaveReader(url: string): void {
    if (this.urls[this.#reader] === url) this.#reader = (this.#reader + 1) % this.urls.length;
  }

  /** Asks all nodes at once, and takes the first writable master without waiting for the others. */
  async #find(): Promise<Candidate> {
    const scope = new Scope([this.#signal]);
    const masters: { url: string; epoch: number }[] = [];
    let secondaries = 0;
    const asked = this.urls.map(async (url) => {
      const health = await this.health(scope, url);
      if (health.role === 'secondary') secondaries += 1;
      else if (health.fenced === undefined) masters.push({ url, epoch: health.epoch });
      if (isWritable(health)) return url;
      throw new NoAnswerError(`${url} takes no appends now`);
    });
    try {
      this.#master = await Promise.any(asked).catch(() => {
        // No master is writable: takes the newest one, which may be writable soon.
        return masters.sort((one, other) => other.epoch - one.epoch)[0]?.url ?? null;
      });
    } finally {
      scope.close();
    }
    if (this.#master !== null) return { url: this.#master, isKnown: true };
    if (secondaries < this.urls.length) throw new NoAnswerError('no master answers');
    return { url: this.urls[0] as string, isKnown: false };
  }
}

function isWritable(health: Health): health is MasterHealth {
  return health.role === 'master' && ['ok', 'degraded'].includes(health.status);
}

/** The URL of a node without a trailing slash; throws a TypeError if it is not one. */
function originOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isPlain = url !== null && /^https?:$/.test(url.protocol) && url.username === '';
  if (!isPlain || url.search !== '' || url.hash !== '') {
    throw new TypeError(`a node must be http://host:port; got '${text}'`);
  }
  // Port 0 cannot be called either; newer lists of bad ports include it.
  if (url.port === '0' || isRefusedPort(Number(url.port))) {
    throw new TypeError(`the port of a node ${REFUSED_PORT_RULE}; got '${text}'`);
  }
  return url.href.replace(/\/+$/, '');
}
