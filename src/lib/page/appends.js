/**
 * The appends of this page, from their receipts on. Each is answered at once (`Prefer: wait=0`) and then
 * awaited; but a browser opens only six connections, so two at most wait on the master, and the others
 * are judged by what `/health` says, and confirmed by one question.
 */

const HELD_MAX = 2;
/** How long one question waits on the master, in s. */
const HELD_WAIT_S = 20;
const FINISHED_MAX = 8;

/** The newest first. @type {OwnAppend[]} */
let ownAppends = [];
/** @type {(() => void)[]} */
const appendListeners = [];

/** Appends, and follows it from then on. @param {string[]} messages @param {WriteConcern} w @param {number | null} waitS */
async function append(messages, w, waitS) {
  const startedAt = performance.now();
  const what = messages.length === 1 ? { message: messages[0] } : { messages };
  const response = await call('/messages', { method: 'POST', body: { ...what, w }, wait: 0 });
  /** @type {Receipt} */
  const receipt = await response.json();
  const { count = 1, acked, pending } = receipt;
  const doesHold = response.status !== 202;
  /** @type {OwnAppend} */
  const own = {
    text: messages[0] ?? '',
    w,
    needed: nodesFor(w),
    seq: receipt.seq + count - 1,
    count,
    startedAt,
    giveUpAt: waitS === null ? Number.POSITIVE_INFINITY : startedAt + waitS * 1000,
    acked,
    pending,
    state: doesHold ? 'holds' : 'waits',
    tookMs: performance.now() - startedAt,
    isHeld: false,
    problem: '',
  };
  ownAppends.unshift(own);
  followAppends();
  return own;
}

/** Looks after all that wait. */
function followAppends() {
  const now = performance.now();
  for (const own of ownAppends) {
    Object.assign(own, own.seq <= (health?.length ?? 0) ? holdersOf(own.seq) : {});
    if (own.state !== 'waits') continue;
    if (now >= own.giveUpAt) own.state = 'given-up';
    else if (!own.isHeld && own.acked.length >= own.needed) question(own, 0);
  }
  // The oldest wait on the master.
  const waiting = ownAppends.filter(({ state }) => state === 'waits').reverse();
  let free = HELD_MAX - waiting.filter(({ isHeld }) => isHeld).length;
  for (const own of waiting) {
    if (free <= 0) break;
    if (own.isHeld) continue;
    free -= 1;
    const leftS = Math.ceil((own.giveUpAt - now) / 1000);
    question(own, Math.min(HELD_WAIT_S, leftS));
  }
  forgetOld();
  for (const listener of appendListeners) listener();
}

/** Asks the master whether it holds, and lets it wait for that. @param {OwnAppend} own @param {number} waitS */
async function question(own, waitS) {
  own.isHeld = true;
  try {
    const response = await call(`/messages/${own.seq}?w=${own.w}`, { wait: waitS });
    const answer = await response.json();
    if (response.status === 200 && own.state === 'waits') {
      own.state = 'holds';
      own.tookMs = performance.now() - own.startedAt;
      ownTimesMs.push(own.tookMs);
      own.acked = answer.acked;
      own.pending = answer.pending;
    }
  } catch (error) {
    // No answer is no news: the next event of the health brings the next question.
    if (error instanceof Refused && error.status !== 503) {
      own.state = 'failed';
      own.problem = error.message;
    }
  }
  own.isHeld = false;
  for (const listener of appendListeners) listener();
}

function forgetOld() {
  let finished = 0;
  ownAppends = ownAppends.filter(({ state }) => {
    if (state === 'waits') return true;
    finished += 1;
    return finished <= FINISHED_MAX;
  });
}
