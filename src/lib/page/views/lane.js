/** The lane of one node: its name, its role and status, and its log as cells. */

const STATUS_SIGNS = { Healthy: '✓', Suspected: '!', Unhealthy: '✕' };
/** How long an error stays visible after it is over, in ms, so that the page does not flicker. */
const ERROR_SHOWN_MS = 5000;
/** The largest age of the last heartbeat of a secondary that answers in time, in ms. */
const HEARTBEAT_ON_TIME_MS = Number(document.documentElement.dataset.onTimeMs);

class Lane {
  id;
  root;
  #role = element('span', 'role');
  #badge = element('span', 'badge');
  #log = element('span', 'lane-log');
  #times = element('span', 'muted');
  #error = element('span', 'lane-error');
  #errorAt = 0;
  #now = element('p', 'lane-now', this.#times, this.#error);
  #canvas = element('canvas', 'cells');
  #cells = new LaneCanvas(this.#canvas);

  /** @param {string} id @param {...Element} more what stands at the end of its first line */
  constructor(id, ...more) {
    this.id = id;
    const name = element('h3', '', id);
    const head = element('div', 'lane-head', name, this.#role, this.#badge, this.#log, ...more);
    this.#canvas.setAttribute('role', 'img');
    this.root = element('li', 'lane', head, this.#now, this.#canvas);
    this.root.dataset.node = id;
  }

  /** Shows its role, unless its name is that already. @param {'master' | 'secondary' | 'candidate'} role */
  showRole(role) {
    setData(this.root, 'role', role);
    setText(this.#role, isElected && role === 'master' ? '★ master' : role);
    this.#role.hidden = !isElected && this.id === role;
  }

  /** @param {Health} now @param {boolean} isFirst */
  showMaster({ length, status, fenced }, isFirst) {
    const isWritable = (status === 'ok' || status === 'degraded') && fenced === undefined;
    setData(this.root, 'status', isWritable ? 'Healthy' : 'Unhealthy');
    setText(this.#badge, isWritable ? '✓ takes appends' : '✕ takes no appends');
    const words = [length === 0 ? 'no messages yet' : counted(length, 'message')];
    words.push(...uncommittedWords(length));
    setText(this.#log, status === 'recovering' ? 'does not know its log yet' : words.join(', '));
    const label = [counted(length, 'message'), ...uncommittedWords(length)].join(', ');
    this.#show({ visible: length, held: length, sent: length }, length, label, isFirst, true);
  }

  /** @param {SecondaryHealth} secondary @param {number} length @param {boolean} isFirst */
  showSecondary(secondary, length, isFirst) {
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
    if (lastError !== null) {
      this.#errorAt = performance.now();
      setText(this.#error, `Last error: ${shortened(lastError, 200)}`);
    }
    this.#show(ends, length, parts.join(', '), isFirst, false);
    this.showTimes(secondary);
  }

  /** Shows this page's node while it is not the master. @param {Health} now */
  showOwn(now) {
    const { role, master, complete, length, held = 0 } = now;
    const isFollowing = role === 'secondary' && master !== null;
    setData(this.root, 'status', isFollowing ? 'Healthy' : 'Suspected');
    const standing = role === 'candidate' ? '↻ stands for election' : '! knows of no master';
    setText(this.#badge, isFollowing ? `✓ follows ${master.id}` : standing);
    const parts = [length === 0 ? 'no messages yet' : `shows ${counted(length, 'message')}`];
    parts.push(...uncommittedWords(length));
    if (held > 0) parts.push(`${number(held)} held back`);
    if (!complete) parts.push('not complete yet');
    setText(this.#log, parts.join(', '));
    const ends = ownEnds(now);
    this.#show(ends, ends.held, parts.join(', '), true, false);
    this.#now.hidden = true;
  }

  /** Shows that this page's node does not answer any more. @param {'master' | 'secondary' | 'candidate'} role its last one */
  showSilent(role) {
    setData(this.root, 'status', 'unknown');
    setData(this.root, 'role', 'unknown');
    setText(this.#role, role === 'master' ? 'was the master' : role);
    setText(this.#badge, '? does not answer');
  }

  /** Shows a node of which this page's node knows nothing. */
  showUnknown() {
    setData(this.root, 'status', 'unknown');
    setText(this.#badge, '');
    setText(this.#log, 'its log is not known here');
    this.#canvas.hidden = true;
    this.#now.hidden = true;
  }

  /** @param {Ends} ends @param {number} length @param {string} label @param {boolean} hasNumbers @param {boolean} isSource */
  #show(ends, length, label, hasNumbers, isSource) {
    this.#now.hidden = isSource;
    this.#canvas.hidden = false;
    setData(this.#canvas, 'numbers', String(hasNumbers));
    this.#canvas.setAttribute('aria-label', `${this.id}: ${label}`);
    this.#cells.show(ends, length, { committed: committedEnd(), hasNumbers, isSource });
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

/** How many of `length` entries are not committed yet, in words; nothing if all are. @param {number} length */
function uncommittedWords(length) {
  const open = Math.max(0, length - committedEnd());
  return open === 0 ? [] : [`${number(open)} not committed yet`];
}
