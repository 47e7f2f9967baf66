/**
 * The nodes of a client: which one is the master, and which one it reads from. Both are kept until they fail. An
 * elected master is followed by its id. Members have addresses for each other that may lead nowhere, or to another
 * host, from where the client is; so it calls no URL that it was not given, and its token goes nowhere else.
 */
import { isRefusedPort, REFUSED_PORT_RULE } from '../http/refused-ports.ts';
import type { Caller } from './caller.ts';
import { type Health, type KnownMaster, readHealth, readKnownMaster } from './health.ts';
import { type Candidate, findMaster } from './master-search.ts';
import { Scope } from './scope.ts';

/**
 * How often, while an elected master does not answer, the other nodes are asked whether there is a newer one, in ms.
 */
const SUCCESSOR_CHECK_MS = 1000;

export class Nodes {
  readonly urls: readonly string[];
  readonly #caller: Caller;
  readonly #signal: AbortSignal | undefined;
  /** The `nodeId` that was last seen at each URL. */
  readonly #ids = new Map<string, string>();
  #master: Candidate | null = null;
  #search: Promise<Candidate> | null = null;
  #newest: { readonly asked: Promise<number>; readonly at: number } | null = null;
  #reader = 0;

  /** @throws TypeError if there is no URL, or one cannot be that of a node */
  constructor(urls: readonly string[], caller: Caller, signal: AbortSignal | undefined) {
    if (urls.length === 0) throw new TypeError('nodes must name at least one URL');
    this.urls = urls.map(originOf);
    this.#caller = caller;
    this.#signal = signal;
  }

  /** The health of a node; throws a NoAnswerError or ProblemError. */
  async health(scope: Scope, url: string): Promise<Health> {
    const health = await this.#caller.ask(scope, url, { path: '/health' }, readHealth);
    if (this.urls.includes(url)) this.#ids.set(url, health.nodeId);
    return health;
  }

  /**
   * The node to send appends to. If none can be the master it is one of them, whose refusal says why.
   * @throws NoAnswerError if no master answers now, but one may later
   */
  async master(scope: Scope): Promise<Candidate> {
    if (this.#master !== null) return this.#master;
    const [only] = this.urls as [string];
    if (this.urls.length === 1) return { url: only, isKnown: false, epoch: null };
    // Concurrent calls share one search.
    this.#search ??= this.#find().finally(() => {
      this.#search = null;
    });
    return scope.within(this.#search);
  }

  /** Makes the next call look for the master again, if it is this one. */
  forgetMaster(url: string): void {
    if (this.#master?.url === url) this.#master = null;
  }

  /**
   * Takes the master that a node has named when it refused. False if no node is known to be that one: a search may
   * tell.
   * @param refused the URL that is not the master's
   */
  follow({ id, url, epoch }: KnownMaster, refused: string): boolean {
    this.forgetMaster(refused);
    // Another call may have found a newer one.
    if (this.#master !== null && (this.#master.epoch ?? 0) >= epoch) return true;
    const named = this.urls.find((given) => this.#ids.get(given) === id) ?? this.#sameUrl(url, id);
    if (named === undefined || named === refused) return false;
    this.#master = { url: named, isKnown: true, epoch };
    return true;
  }

  /** The given URL that is written like this one, unless another node has answered there. */
  #sameUrl(url: string, id: string): string | undefined {
    const plain = url.replace(/\/+$/, '');
    return this.urls.find((given) => given === plain && (this.#ids.get(given) ?? id) === id);
  }

  /**
   * Resolves when another node says that there is a newer master than this elected one, which may hang: its
   * connections then stay open, and nothing is answered.
   * @throws the reason for which the scope ends
   */
  async succeeded(scope: Scope, { url, epoch }: Candidate): Promise<void> {
    do await scope.sleep(SUCCESSOR_CHECK_MS);
    while ((await scope.within(this.#newestEpoch(url))) <= (epoch ?? 0));
  }

  /** The epoch of the newest master that other nodes name; concurrent calls share the question. */
  #newestEpoch(master: string): Promise<number> {
    const now = performance.now();
    if (this.#newest === null || now - this.#newest.at >= SUCCESSOR_CHECK_MS / 2) {
      this.#newest = { asked: this.#askEpochs(master), at: now };
    }
    return this.#newest.asked;
  }

  async #askEpochs(master: string): Promise<number> {
    const scope = new Scope([this.#signal]);
    scope.expireIn(SUCCESSOR_CHECK_MS);
    const others = this.urls.filter((url) => url !== master);
    const asked = others.map((url) => this.health(scope, url).catch(() => null));
    const healths = await Promise.all(asked).finally(() => scope.close());
    return Math.max(0, ...healths.map((health) => readKnownMaster(health?.master)?.epoch ?? 0));
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

  async #find(): Promise<Candidate> {
    const scope = new Scope([this.#signal]);
    try {
      const found = await findMaster(this.urls, (url) => this.health(scope, url), scope);
      if (found.isKnown) this.#master = found;
      return found;
    } finally {
      scope.close();
    }
  }
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
