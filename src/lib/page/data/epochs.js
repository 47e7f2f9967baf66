/**
 * Where the epochs of the last messages begin. The id of an event names the epoch of its entry, the first seq of that
 * epoch, and the epoch before (`wire/event-id.ts`), so one request for one event tells where an epoch begins.
 */

/** How far back they are looked for: more messages than have a cell of their own. */
const EPOCHS_BACK = 200;
/** How many are looked for at most, because each takes a request. */
const EPOCHS_MAX = 8;
const EPOCHS_ANSWER_MS = 3000;
const EPOCHS_PAUSE_MS = 300;
const EVENT_ID = /^id: \d+-[\w-]{8}\.(\d+)\.[^.]*\.(\d+)\./m;

/** The newest is first. @type {EpochStart[]} */
let epochStarts = [];
/** The log and the epochs for which `epochStarts` was read; if one changes it is read again. */
let epochsOf = '';
/** The length at which it was read. */
let epochsLength = 0;
/** Whether entries of the newest epoch that the node has heard of were met: the epochs of later entries are known. */
let areEpochsRead = false;
/** @type {(() => void)[]} */
const epochListeners = [];

/** The epoch of the entry at `seq`; null if it is not known. @param {number} seq */
function epochAt(seq) {
  return epochStarts.find(({ firstSeq }) => firstSeq <= seq)?.epoch ?? null;
}

/** The epoch that begins at `seq`; null if none does, or if it is the first of the log. @param {number} seq */
function epochFrom(seq) {
  if (seq === 1) return null;
  return epochStarts.find(({ firstSeq }) => firstSeq === seq)?.epoch ?? null;
}

/** The epoch and its first seq that an event's id names; null if there is none. @param {string} event @returns {EpochStart | null} */
function epochInEvent(event) {
  const [, epoch, firstSeq] = EVENT_ID.exec(event) ?? [];
  return epoch === undefined ? null : { epoch: Number(epoch), firstSeq: Number(firstSeq) };
}

/** @param {number} seq */
async function readEpochAt(seq) {
  const signal = AbortSignal.timeout(EPOCHS_ANSWER_MS);
  const options = { accept: 'text/event-stream', signal };
  const response = await call(`/messages?from=${seq}&limit=1`, options);
  return epochInEvent(await response.text());
}

/** Reads the epochs of the last messages, the newest first. @param {number} length @returns {Promise<EpochStart[]>} */
async function readEpochs(length) {
  /** @type {EpochStart[]} */
  const starts = [];
  for (let seq = length; seq > Math.max(0, length - EPOCHS_BACK) && starts.length < EPOCHS_MAX; ) {
    const start = await readEpochAt(seq);
    // The entry may have been cut off meanwhile.
    if (start === null || start.firstSeq > seq) return starts;
    starts.push(start);
    seq = start.firstSeq - 1;
  }
  return starts;
}

/** Which log, and which masters may have written in it, as far as this node knows. @param {Health} now */
function nameOfEpochs({ logId, epoch, discarded, role }) {
  return JSON.stringify([logId, epoch, discarded, role]);
}

async function lookForEpochs() {
  if (health === null || !hasContact || !mayAsk() || health.length === 0) return;
  const name = nameOfEpochs(health);
  const { length, epoch } = health;
  if (name === epochsOf && (areEpochsRead || length === epochsLength)) return;
  const starts = await readEpochs(length);
  if (health === null || nameOfEpochs(health) !== name) return refreshEpochs();
  [epochsOf, epochsLength, areEpochsRead] = [name, length, starts[0]?.epoch === epoch];
  epochStarts = starts;
  for (const listener of epochListeners) listener();
}

const refreshEpochs = throttled(EPOCHS_PAUSE_MS, () => {
  lookForEpochs().catch(() => {});
});

/** Follows the epochs of a cluster that elects its master. */
function startEpochs() {
  if (!isElected) return;
  onCluster(refreshEpochs);
  whenAllowed(refreshEpochs);
}
