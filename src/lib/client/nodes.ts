/**
 * The nodes a client knows: which one is the master, and which one is read from. The master is asked
 * for, and then remembered until it fails; readers stay with one node until it fails.
 */
import { isRefusedPort, REFUSED_PORT_RULE } from '../http/refused-ports.ts';
import type { Caller } from './caller.ts';
import { NoAnswerError } from './errors.ts';
import { type Health, type MasterHealth, readHealth } from './health.ts';
import { Scope } from './scope.ts';

/** A node to send an append to, and whether it said that it is the master. */
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

  /** @throws TypeError if there is no URL, or one that is not that of a node */
  constructor(urls: readonly string[], caller: Caller, signal: AbortSignal | undefined) {
    if (urls.length === 0) throw new TypeError('nodes must name at least one URL');
    this.urls = urls.map(originOf);
    this.#caller = caller;
    this.#signal = signal;
  }

  /** What a node says of itself; throws a NoAnswerError or ProblemError. */
  health(scope: Scope, url: string): Promise<Health> {
    return this.#caller.ask(scope, url, { path: '/health' }, readHealth);
  }

  /**
   * Where appends go. If every node says that it is a secondary, one of them: it will refuse, and say why.
   * @throws NoAnswerError if there is no master now, but may be one later
   */
  async master(scope: Scope): Promise<Candidate> {
    if (this.#master !== null) return { url: this.#master, isKnown: true };
    const [only] = this.urls as [string];
    if (this.urls.length === 1) return { url: only, isKnown: false };
    // One search serves all who wait for it.
    this.#search ??= this.#find().finally(() => {
      this.#search = null;
    });
    return scope.within(this.#search);
  }

  /** Looks for the master anew next time, if this one is still taken for it. */
  forgetMaster(url: string): void {
    if (this.#master === url) this.#master = null;
  }

  /** All nodes, beginning with the one that is read from. */
  readers(): string[] {
    return [...this.urls.slice(this.#reader), ...this.urls.slice(0, this.#reader)];
  }

  /** Reads go here from now on. */
  readFrom(url: string): void {
    this.#reader = this.urls.indexOf(url);
  }

  /** Reads go to the next node from now on, if they still go to this one. */
  leaveReader(url: string): void {
    if (this.urls[this.#reader] === url) this.#reader = (this.#reader + 1) % this.urls.length;
  }

  /** Asks all nodes at once; the first writable master is taken without waiting for the others. */
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
        // None is writable: one that may soon be, and among those the newest.
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

/** @throws TypeError */
function originOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isPlain = url !== null && /^https?:$/.test(url.protocol) && url.username === '';
  if (!isPlain || url.search !== '' || url.hash !== '') {
    throw new TypeError(`a node must be http://host:port; got '${text}'`);
  }
  // Nobody can be reached at port 0 either, which newer lists of bad ports name.
  if (url.port === '0' || isRefusedPort(Number(url.port))) {
    throw new TypeError(`the port of a node ${REFUSED_PORT_RULE}; got '${text}'`);
  }
  return url.href.replace(/\/+$/, '');
}
