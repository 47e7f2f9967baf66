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

/** Whether this node may be one of several that elect their master. */
const isElected = document.documentElement.dataset.cluster === 'elected';

/**
 * Fills in what the node does not tell: a node without a role is the master, and who is not the master knows no other
 * node's log.
 * @param {HealthBody} body @returns {Health}
 */
function filledIn(body) {
  const { role = 'master', master = null, members = [], waiting = 0, secondaries = [] } = body;
  const nodes = Math.max(1, members.length);
  const { quorum = { required: Math.floor(nodes / 2) + 1, available: 0, nodes } } = body;
  return { ...body, role, master, members, quorum, waiting, secondaries };
}

/** @param {HealthBody} body */
function heard(body) {
  const next = filledIn(body);
  // Another master has other secondaries, and what it knew of their frames ahead is gone.
  if (next.role !== health?.role) heldEnds.clear();
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

/** Whether this node is the master, as far as the page knows. */
function isMaster() {
  return health?.role === 'master';
}

/** Up to where entries are told to be committed. */
function committedEnd() {
  return isElected && health !== null ? health.committed : Number.POSITIVE_INFINITY;
}

/** The ends of this node's own lane. @param {Health} now @returns {Ends} */
function ownEnds({ length, held = 0 }) {
  return { visible: length, held: length + held, sent: length + held };
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

/** The state of a message in words. @param {Ends} ends @param {number} seq */
function stateWordsAt(ends, seq) {
  const state = stateAt(ends, seq);
  const isOpen = state === 'visible' && seq > committedEnd();
  return isOpen ? 'visible, not committed' : STATE_WORDS[state];
}

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
