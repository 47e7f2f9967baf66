/** A lane for each node: its name, its status, and its log as cells. */

const STATUS_SIGNS = { Healthy: '✓', Suspected: '!', Unhealthy: '✕' };
/** How long an error stays visible after it is over, in ms, so that the page does not flicker. */
const ERROR_SHOWN_MS = 5000;
/** The largest age of the last heartbeat of a secondary that answers in time, in ms. */
const HEARTBEAT_ON_TIME_MS = Number(document.documentElement.dataset.onTimeMs);

class Lane {
  id;
  root;
  #badge = element('span', 'badge');
  #log = element('span', 'lane-log');
  #times = element('span', 'muted');
  #error = element('span', 'lane-error');
  #errorAt = 0;
  #canvas = element('canvas', 'cells');
  #cells;

  /** @param {string} id @param {'master' | 'secondary'} role */
  constructor(id, role) {
    this.id = id;
    const name = element('h3', '', id);
    const kind = element('span', 'role', id === role ? '' : role);
    kind.hidden = id === role;
    const head = element('div', 'lane-head', name, kind, this.#badge, this.#log);
    const now = element('p', 'lane-now', this.#times, this.#error);
    now.hidden = role === 'master';
    this.#canvas.setAttribute('role', 'img');
    this.root = element('li', 'lane', head, now, this.#canvas);
    this.root.dataset.node = id;
    this.#cells = new LaneCanvas(this.#canvas, role === 'master');
  }

  /** @param {Health} now */
  showMaster({ length, status, fenced }) {
    const isWritable = (status === 'ok' || status === 'degraded') && fenced === undefined;
    setData(this.root, 'status', isWritable ? 'Healthy' : 'Unhealthy');
    setText(this.#badge, isWritable ? '✓ takes appends' : '✕ takes no appends');
    const words = length === 0 ? 'no messages yet' : counted(length, 'message');
    setText(this.#log, status === 'recovering' ? 'does not know its log yet' : words);
    this.#canvas.setAttribute('aria-label', `${this.id}: ${counted(length, 'message')}`);
    this.#cells.show({ visible: length, held: length, sent: length }, length);
  }

  /** @param {SecondaryHealth} secondary @param {number} length */
  showSecondary(secondary, length) {
    const { status, lastError, lag, lastSeenMsAgo, complete } = secondary;
    setData(this.root, 'status', status);
    setText(this.#badge, `${STATUS_SIGNS[status]} ${status}`);
    const ends = endsOf(secondary);
    const held = ends.held - ends.visible;
    const onTheirWay = ends.sent - ends.held;
    const parts =
      length === 0
        ? [lastSeenMsAgo === null ? 'nothing known of its log yet' : 'empty']
        : [
            `shows ${number(ends.visible)} of ${number(length)}`,
            ...(lag > 0 ? [`lag ${number(lag)}`] : ['no lag']),
            ...(held > 0 ? [`${number(held)} held back`] : []),
            ...(onTheirWay > 0
              ? [`${number(onTheirWay)} on ${onTheirWay === 1 ? 'its' : 'their'} way`]
              : []),
          ];
    // It may lack entries that it acknowledged before it restarted, until it has caught up.
    if (status === 'Healthy' && !complete) parts.push('not complete yet');
    setText(this.#log, parts.join(', '));
    this.#canvas.setAttribute('aria-label', `${this.id}: ${parts.join(', ')}`);
    if (lastError !== null) {
      this.#errorAt = performance.now();
      setText(this.#error, `Last error: ${shortened(lastError, 200)}`);
    }
    this.#cells.show(ends, length);
    this.showTimes(secondary);
  }

  /** Shows what changes with time. @param {SecondaryHealth} secondary */
  showTimes({ status, lastSeenMsAgo, lastError, nextAttemptInMs }) {
    const age = healthAgeMs();
    const isOver = lastError === null && performance.now() - this.#errorAt > ERROR_SHOWN_MS;
    if (isOver) setText(this.#error, '');
    // The master sends no event for a heartbeat that is answered in time.
    const isOnTime =
      status === 'Healthy' && hasContact && (lastSeenMsAgo ?? 0) <= HEARTBEAT_ON_TIME_MS;
    const seen =
      lastSeenMsAgo === null
        ? 'No heartbeat yet'
        : `Last heartbeat ${isOnTime ? within(HEARTBEAT_ON_TIME_MS) : ago(lastSeenMsAgo + age)}`;
    const parts = [seen];
    if (!hasContact) parts.push('the next attempt is not known');
    else if (nextAttemptInMs !== null) {
      const leftMs = Math.max(0, nextAttemptInMs - age);
      parts.push(leftMs === 0 ? 'trying now' : `next attempt in ${(leftMs / 1000).toFixed(1)} s`);
    }
    setText(this.#times, `${parts.join(', ')}.`);
  }
}

/** @type {Lane[]} */
let lanes = [];
/** @type {Map<string, string>} */
const announcedStatus = new Map();

function showLanes() {
  if (health === null) return;
  const { nodeId, secondaries, length } = health;
  const ids = [nodeId, ...secondaries.map(({ id }) => id)];
  if (ids.join('\n') !== lanes.map(({ id }) => id).join('\n')) {
    laneCanvases.clear();
    lanes = ids.map((id, index) => new Lane(id, index === 0 ? 'master' : 'secondary'));
    byId('lanes').replaceChildren(...lanes.map(({ root }) => root));
  }
  lanes[0]?.showMaster(health);
  for (const [index, secondary] of secondaries.entries()) {
    lanes[index + 1]?.showSecondary(secondary, length);
    announceStatus(secondary);
  }
}

/** @param {SecondaryHealth} secondary */
function announceStatus({ id, status, lag }) {
  const before = announcedStatus.get(id);
  announcedStatus.set(id, status);
  if (before !== undefined && before !== status) {
    announce(`${id} is now ${status}, and lags by ${counted(lag, 'message')}`);
  }
}

/** Updates the countdowns between two events. */
function showTimes() {
  for (const [index, secondary] of (health?.secondaries ?? []).entries()) {
    lanes[index + 1]?.showTimes(secondary);
  }
}
