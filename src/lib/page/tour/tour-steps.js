/**
 * The steps of the self-check: (Msg1, w=1) ok; (Msg2, w=2) ok; (Msg3, w=3) waits; (Msg4, w=1) ok; the last
 * secondary comes back, and shows all in order. With n nodes the second and third use w=n-1 and w=n.
 */

/** The delay of the secondary that plays one that is away; the tour ends it. */
const AWAY_MS = 600_000;
const CONDITION_MS = 20_000;

class TourFailed extends Error {}

/** @param {unknown} holds @param {string} otherwise */
function expect(holds, otherwise) {
  if (!holds) throw new TourFailed(otherwise);
}

class Tour {
  #signal;
  /** @type {string} */
  away;
  #nodes;
  /** The faults it had before. @type {Faults | null} */
  #before = null;
  /** @type {number[]} */
  #seqs = [];
  /** @type {Promise<Receipt> | null} */
  #third = null;
  #isThirdAnswered = false;

  /** @param {AbortSignal} signal stops the tour @param {Health} start */
  constructor(signal, start) {
    this.#signal = signal;
    this.away = start.secondaries.at(-1)?.id ?? '';
    this.#nodes = start.quorum.nodes;
  }

  /** @returns {Step[]} */
  steps() {
    const { away } = this;
    const all = this.#nodes;
    const leave = hasFaultInjection ? `${away} is taken away` : `You stop ${away}`;
    const comeBack = hasFaultInjection ? `${away} comes back` : `You start ${away} again`;
    return [
      { title: 'All nodes are there', run: () => this.#allThere() },
      { title: leave, run: () => this.#leave() },
      { title: 'Msg1, w=1: answered', run: () => this.#appendNow('Msg1', 1) },
      { title: `Msg2, w=${all - 1}: answered`, run: () => this.#appendNow('Msg2', all - 1) },
      { title: `Msg3, w=${all}: waits`, run: () => this.#appendThird() },
      { title: 'Msg4, w=1: answered, and Msg3 still waits', run: () => this.#appendFourth() },
      { title: comeBack, run: () => this.#comeBack() },
      { title: 'Msg3 is answered', run: () => this.#thirdAnswered() },
      { title: `${away} shows all four, in order`, run: () => this.#inOrder() },
    ];
  }

  /** Restores the faults of the secondary, if they were changed. @param {boolean} [isFarewell] */
  async restore(isFarewell = false) {
    const before = this.#before;
    this.#before = null;
    if (before !== null) await putFaults(this.away, before, isFarewell);
  }

  async #allThere() {
    await this.#until('every node to be Healthy and without lag', ({ status, secondaries }) => {
      return status === 'ok' && secondaries.every(({ lag }) => lag === 0);
    });
    return `${counted(this.#nodes, 'node')}, all Healthy, none behind.`;
  }

  async #leave() {
    if (hasFaultInjection) {
      this.#before = await getFaults(this.away);
      await putFaults(this.away, { ...this.#before, delayMs: AWAY_MS });
      return `A page cannot stop a process, so ${this.away} now receives messages but shows none: for w it is away.`;
    }
    await this.#until(`${this.away} to be gone`, () => this.#isGone(), Number.POSITIVE_INFINITY);
    return `${this.away} does not answer any more.`;
  }

  #isGone() {
    return this.#awayNow()?.status !== 'Healthy';
  }

  #awayNow() {
    return health?.secondaries.find(({ id }) => id === this.away);
  }

  /** @param {string} message @param {number} w */
  async #append(message, w) {
    const signal = this.#signal;
    const response = await call('/messages', { method: 'POST', body: { message, w }, signal });
    expect(response.status === 201, `the master answered with ${response.status}`);
    return /** @type {Promise<Receipt>} */ (response.json());
  }

  /** @param {string} message @param {number} w */
  async #appendNow(message, w) {
    const { seq, acked } = await this.#withDeadline(
      `the answer to ${message}`,
      this.#append(message, w),
    );
    this.#seqs.push(seq);
    expect(acked.length >= w, `only ${listed(acked)} hold it`);
    expect(!acked.includes(this.away), `${this.away} holds it, though it should be away`);
    return `201, seq ${number(seq)}: ${listed(acked)} ${acked.length === 1 ? 'holds' : 'hold'} it.`;
  }

  async #appendThird() {
    const length = health?.length ?? 0;
    this.#third = this.#append('Msg3', this.#nodes);
    this.#third.then(
      () => {
        this.#isThirdAnswered = true;
      },
      () => {},
    );
    await this.#until(
      'Msg3 to be in the log and to wait',
      (now) => now.length > length && now.waiting > 0,
    );
    expect(!this.#isThirdAnswered, `it was answered, though ${this.away} is away`);
    return `It is in the log, but has no answer: ${this.away} must hold it first.`;
  }

  async #appendFourth() {
    const words = await this.#appendNow('Msg4', 1);
    expect(!this.#isThirdAnswered, `Msg3 was answered, though ${this.away} is away`);
    return `${words} It does not wait for Msg3.`;
  }

  async #comeBack() {
    if (hasFaultInjection) await this.restore();
    const limitMs = hasFaultInjection ? CONDITION_MS : Number.POSITIVE_INFINITY;
    await this.#until(`${this.away} to be back`, () => !this.#isGone(), limitMs);
    return `${this.away} is Healthy, and gets what it missed.`;
  }

  async #thirdAnswered() {
    const third = /** @type {Promise<Receipt>} */ (this.#third);
    const { seq, acked } = await this.#withDeadline('the answer to Msg3', third);
    this.#seqs.splice(2, 0, seq);
    expect(acked.length === this.#nodes, `only ${listed(acked)} hold it`);
    return `201, seq ${number(seq)}: ${listed(acked)} hold it.`;
  }

  async #inOrder() {
    const last = this.#seqs.at(-1) ?? 0;
    await this.#until(
      `${this.away} to show seq ${last}`,
      () => (this.#awayNow()?.length ?? 0) >= last,
    );
    const isAscending = this.#seqs.every((seq, i) => i === 0 || seq > Number(this.#seqs[i - 1]));
    expect(isAscending, `the places are ${this.#seqs.join(', ')}`);
    const texts = await Promise.all(this.#seqs.map((seq) => this.#textAt(seq)));
    expect(texts.join() === 'Msg1,Msg2,Msg3,Msg4', `the log has ${texts.join(', ')} there`);
    return `${texts.join(', ')} at ${this.#seqs.map(number).join(', ')}. It acknowledged ${number(last)}, and a node shows no message before all earlier ones.`;
  }

  /** @param {number} seq */
  async #textAt(seq) {
    const response = await call(`/messages/${seq}?w=all`, { wait: 5, signal: this.#signal });
    const { message } = await response.json();
    expect(response.status === 200, `not all nodes hold seq ${seq}`);
    return /** @type {string} */ (message);
  }

  /** Waits until `holds` is true of `/health`. @param {string} what @param {(now: Health) => boolean} holds @param {number} [limitMs] */
  async #until(what, holds, limitMs = CONDITION_MS) {
    const end = performance.now() + limitMs;
    while (health === null || !hasContact || !holds(health)) {
      if (this.#signal.aborted) throw new TourFailed('stopped');
      expect(health === null || isMaster(), 'this node is not the master any more');
      expect(performance.now() < end, `waited ${duration(limitMs)} for ${what}`);
      await pause(50);
    }
  }

  /** @template Value @param {string} what @param {Promise<Value>} answer @returns {Promise<Value>} */
  async #withDeadline(what, answer) {
    const late = pause(CONDITION_MS).then(() => {
      throw new TourFailed(`waited ${duration(CONDITION_MS)} for ${what}`);
    });
    late.catch(() => {});
    return Promise.race([answer, late]);
  }
}
