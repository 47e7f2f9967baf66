/** Runs the self-check, slowly enough to watch, and shows for each step whether it passed. */

/** The least time of a step, so that the reader can see what happens in the lanes. */
const STEP_MS = 900;

/** @type {{tour: Tour, abort: AbortController} | null} */
let running = null;

const STEP_SIGNS = { due: '○', running: '▸', passed: '✓', failed: '✕' };
const STEP_WORDS = { due: 'to come', running: 'running', passed: 'passed', failed: 'failed' };

class StepItem {
  root;
  #state = element('span', 'step-state');
  #words = element('p', 'muted');

  /** @param {string} title */
  constructor(title) {
    const head = element('p', 'step-head', element('span', '', title), this.#state);
    this.root = element('li', 'step', head, this.#words);
    this.show('due');
  }

  /** @param {keyof typeof STEP_SIGNS} state @param {string} [words] */
  show(state, words = '') {
    setData(this.root, 'state', state);
    setText(this.#state, `${STEP_SIGNS[state]} ${STEP_WORDS[state]}`);
    setText(this.#words, words);
    if (state === 'running')
      announce(`Self-check: ${this.root.firstChild?.firstChild?.textContent}`);
  }
}

function startTour() {
  const how = hasFaultInjection
    ? 'It delays the last secondary, and restores it at the end.'
    : `Fault injection is off, so you stop and start the last secondary yourself when asked${isElected ? '' : ': make stop NODE=s2, make start NODE=s2'}.`;
  setText(byId('tour-how'), how);
  byId('tour-start').addEventListener('click', () => {
    play().catch((error) => verdict(false, error.message));
  });
  byId('tour-stop').addEventListener('click', () => running?.abort.abort());
  addEventListener('keydown', ({ key }) => {
    if (key === 'Escape') running?.abort.abort();
  });
  // The secondary must not stay delayed when the page is closed.
  addEventListener('pagehide', () => running?.tour.restore(true).catch(() => {}));
}

async function play() {
  if (running !== null) return;
  if (health !== null && !isMaster()) {
    verdict(false, 'Not run: this node is not the master. Run it on the page of the master.');
    return;
  }
  if (health === null || health.secondaries.length === 0) {
    verdict(false, 'Not run: it needs a master that answers, and a secondary.');
    return;
  }
  if (!hasFaultInjection && health.secondaries.length === 1) {
    verdict(
      false,
      'Not run: without fault injection it needs two secondaries, one of which stays.',
    );
    return;
  }
  const abort = new AbortController();
  const tour = new Tour(abort.signal, health);
  running = { tour, abort };
  showRunning(true);
  try {
    const steps = tour.steps();
    const items = steps.map(({ title }) => new StepItem(title));
    byId('steps').replaceChildren(...items.map(({ root }) => root));
    for (const [index, { run }] of steps.entries()) {
      const item = /** @type {StepItem} */ (items[index]);
      if (!(await playStep(item, run, abort.signal, hint(index, tour)))) return;
    }
    verdict(true, `Passed: all ${steps.length} steps. ${tour.away} is as it was before.`);
  } finally {
    await tour.restore().catch(() => {});
    // Ends the request of the third append, if it still waits; the message stays.
    abort.abort();
    running = null;
    showRunning(false);
  }
}

/** @param {StepItem} item @param {() => Promise<string>} run @param {AbortSignal} signal @param {string} words */
async function playStep(item, run, signal, words) {
  item.show('running', words);
  try {
    const [said] = await Promise.all([run(), pause(STEP_MS)]);
    if (signal.aborted) throw new TourFailed('stopped');
    item.show('passed', said);
    return true;
  } catch (error) {
    const why = signal.aborted ? 'stopped' : /** @type {Error} */ (error).message;
    item.show('failed', why);
    verdict(false, signal.aborted ? 'Stopped before its end.' : `Failed: ${why}`);
    return false;
  }
}

/** What the reader has to do by hand in a step; empty for nothing. @param {number} index @param {Tour} tour */
function hint(index, { away }) {
  if (hasFaultInjection) return '';
  if (index === 1) {
    const how = isElected ? `the process of ${away}` : `it, in a terminal: make stop NODE=${away}`;
    return `Now stop ${how}. The tour goes on by itself.`;
  }
  const how = isElected ? '.' : `: make start NODE=${away}`;
  return index === 6 ? `Now start it again${how}` : '';
}

/** @param {boolean} isRunning */
function showRunning(isRunning) {
  const [start, stop] = [byId('tour-start'), byId('tour-stop')];
  const [gone, there] = isRunning ? [start, stop] : [stop, start];
  const hadFocus = document.activeElement === gone;
  start.hidden = isRunning;
  stop.hidden = !isRunning;
  // A button that vanishes loses the focus, and keyboard users would begin at the top again.
  if (hadFocus) there.focus();
  if (isRunning) verdict(null, '');
}

/** @param {boolean | null} hasPassed @param {string} text */
function verdict(hasPassed, text) {
  setData(byId('verdict'), 'passed', String(hasPassed));
  setText(byId('verdict'), text);
}
