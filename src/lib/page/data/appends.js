/**
 * The appends of this page. The request of each waits on the master for up to a second, which times quick ones
 * exactly. Because a browser opens only six connections, at most one append goes on waiting there. The others are
 * judged by `/health`, and confirmed by one request.
 */

/** How long the request of an append waits on the master, in s. */
const FIRST_WAIT_S = 1;
/** How many appends wait there after that, and how long each of their requests does, in s. */
const HELD_MAX = 1;
const HELD_WAIT_S = 5;
const FINISHED_MAX = 6;

/** The newest is first. @type {OwnAppend[]} */
let ownAppends = [];
/** @type {(() => void)[]} */
const appendListeners = [];

/** Appends messages and then follows them; throws a refusal. @param {string[]} messages @param {WriteConcern} w @param {number | null} waitS */
async function append(messages, w, waitS) {
  const [text = ''] = messages;
  const startedAt = performance.now();
  /** @type {OwnAppend} */
  const own = {
    text: shortened(text, 60),
    w,
    needed: nodesFor(w),
    logId: health?.logId ?? null,
    seq: 0,
    count: messages.length,
    epoch: 0,
    seenEpoch: 0,
    startedAt,
    giveUpAt: waitS === null ? Number.POSITIVE_INFINITY : startedAt + waitS * 1000,
    acked: [],
    pending: [],
    state: 'sent',
    tookMs: 0,
    isHeld: true,
    problem: '',
  };
  ownAppends.unshift(own);
  tellAppends();
  try {
    const body = { ...(messages.length === 1 ? { message: text } : { messages }), w };
    const wait = Math.min(FIRST_WAIT_S, waitS ?? FIRST_WAIT_S);
    const response = await call('/messages', { method: 'POST', body, wait });
    /** @type {Receipt} */
    const { seq, epoch, acked, pending } = await response.json();
    const state = response.status === 202 ? 'waits' : 'holds';
    const tookMs = performance.now() - startedAt;
    const place = { seq: seq + own.count - 1, epoch, seenEpoch: epoch };
    Object.assign(own, { ...place, acked, pending, state, tookMs });
  } catch (error) {
    ownAppends = ownAppends.filter((one) => one !== own);
    throw error;
  } finally {
    own.isHeld = false;
    followAppends();
  }
  return own;
}

/** How many appends wait without a request on the master. The page counts them as waiting clients as well. */
function unheldWaiting() {
  return ownAppends.filter(({ isHeld, state }) => state === 'waits' && !isHeld).length;
}

/** Updates all appends, and sends the requests that are due. */
function followAppends() {
  // A recovering master does not know its log yet, and a node that is not the master does not know who holds an entry.
  const canTell = hasContact && health?.role === 'master' && health.logId !== null;
  if (canTell) for (const own of ownAppends) judge(own);
  if (canTell && health?.status !== 'recovering') {
    // A new master may have cut it off, and have another message at its seq.
    for (const own of ownAppends) {
      const isPlaced = own.seq > 0 && own.state !== 'failed' && !own.isHeld;
      if (isPlaced && own.seenEpoch !== health?.epoch) question(own, 0);
    }
    const unheld = ownAppends.filter(({ state, isHeld }) => state === 'waits' && !isHeld);
    // The oldest ones wait on the master.
    const free = HELD_MAX - ownAppends.filter(({ isHeld, seq }) => isHeld && seq > 0).length;
    const held = unheld.toReversed().slice(0, Math.max(0, free));
    for (const own of unheld) {
      const leftS = Math.ceil((own.giveUpAt - performance.now()) / 1000);
      if (own.acked.length >= own.needed) question(own, 0);
      else if (held.includes(own)) question(own, Math.min(HELD_WAIT_S, leftS));
    }
  }
  forgetOld();
  tellAppends();
}

/** Updates an append by what `/health` says. @param {OwnAppend} own */
function judge(own) {
  if (own.state === 'sent' || own.state === 'failed') return;
  if (own.logId !== health?.logId) {
    const problem = 'the log it was appended to is gone: no node had kept it';
    Object.assign(own, { state: 'failed', problem, acked: [], pending: [] });
    return;
  }
  if (own.seq <= health.length) Object.assign(own, holdersOf(own.seq));
  if (own.state === 'waits' && performance.now() >= own.giveUpAt) own.state = 'given-up';
}

/** Asks the master whether `w` nodes hold it, and lets it wait for that. @param {OwnAppend} own @param {number} waitS */
async function question(own, waitS) {
  own.isHeld = true;
  try {
    const response = await call(`/messages/${own.seq}?w=${own.w}`, { wait: waitS });
    const { epoch, acked, pending } = await response.json();
    own.seenEpoch = health?.epoch ?? own.seenEpoch;
    if (epoch !== own.epoch) {
      const problem = `it was cut off: a master went on without it, and seq ${own.seq} is another message`;
      Object.assign(own, { state: 'failed', problem, acked: [], pending: [] });
    } else if (response.status === 200 && own.state === 'waits') {
      const tookMs = performance.now() - own.startedAt;
      Object.assign(own, { state: 'holds', tookMs, acked, pending });
      ownTimesMs.push(tookMs);
    }
  } catch (error) {
    // Without an answer nothing changes; the next event of the health causes the next request.
    if (error instanceof Refused && error.status === 404) {
      Object.assign(own, { state: 'failed', problem: error.message, acked: [], pending: [] });
    }
  }
  own.isHeld = false;
  tellAppends();
}

function forgetOld() {
  let finished = 0;
  ownAppends = ownAppends.filter(({ state }) => {
    if (state === 'waits' || state === 'sent') return true;
    finished += 1;
    return finished <= FINISHED_MAX;
  });
}

function tellAppends() {
  for (const listener of appendListeners) listener();
}
