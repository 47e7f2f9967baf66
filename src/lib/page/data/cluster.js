/** The last known health of the cluster, and the state of each message by it. */

/** @type {Health | null} */
let health = null;
/** When `health` came, by `performance.now()`. */
let healthAt = 0;
/** Whether the stream of events is alive. */
let hasContact = false;
/** @type {(() => void)[]} */
const clusterListeners = [];
/** The last seq that each secondary had received when its heartbeat last changed `held`. @type {Map<string, number>} */
const heldEnds = new Map();

/** Calls the listener after each event, and when contact is lost. @param {() => void} listener */
function onCluster(listener) {
  clusterListeners.push(listener);
}

/** @param {Health} next */
function heard(next) {
  for (const secondary of next.secondaries) {
    const before = health?.secondaries.find(({ id }) => id === secondary.id);
    if (before !== undefined && before.held === secondary.held) continue;
    heldEnds.set(secondary.id, secondary.length + (secondary.held ?? 0));
  }
  health = next;
  healthAt = performance.now();
  hasContact = true;
  for (const listener of clusterListeners) listener();
}

function lostContact() {
  hasContact = false;
  for (const listener of clusterListeners) listener();
}

/** The age of `health`, in ms. */
function healthAgeMs() {
  return performance.now() - healthAt;
}

/** @param {SecondaryHealth} secondary @returns {Ends} */
function endsOf(secondary) {
  const { id, length, sent } = secondary;
  const held = secondary.held ? Math.min(heldEnds.get(id) ?? length, sent) : length;
  return { visible: length, held: Math.max(length, held), sent: Math.max(length, sent) };
}

/** @param {Ends} ends @param {number} seq @returns {CellState} */
function stateAt(ends, seq) {
  if (seq <= ends.visible) return 'visible';
  if (seq <= ends.held) return 'held';
  return seq <= ends.sent ? 'sent' : 'absent';
}

const STATE_WORDS = {
  visible: 'visible',
  held: 'held back',
  sent: 'on its way',
  absent: 'on the master only',
};

/** A write concern as a number of nodes. @param {WriteConcern} w */
function nodesFor(w) {
  const nodes = health?.quorum.nodes ?? 1;
  if (w === 'all') return nodes;
  return w === 'majority' ? Math.floor(nodes / 2) + 1 : w;
}

/** Which nodes hold `seq`, and which do not yet. @param {number} seq */
function holdersOf(seq) {
  if (health === null) return { acked: [], pending: [] };
  const has = health.secondaries.filter(({ length }) => length >= seq);
  const lacks = health.secondaries.filter(({ length }) => length < seq);
  return {
    acked: [health.nodeId, ...has.map(({ id }) => id)],
    pending: lacks.map(({ id }) => id),
  };
}
