/** Sliders for the faults of the secondaries. The page talks to its own node only, which passes its requests on. */

/** @type {{name: keyof Faults, label: string, max: number, step: number, words: (value: number) => string}[]} */
const FAULT_SLIDERS = [
  {
    name: 'delayMs',
    label: 'Delay',
    max: 10_000,
    step: 100,
    words: (ms) => (ms === 0 ? 'none' : `${(ms / 1000).toFixed(1)} s`),
  },
  { name: 'errorRate', label: 'Fails before it applies', max: 1, step: 0.05, words: percent },
  {
    name: 'errorAfterApplyRate',
    label: 'Applies, but the ack is lost',
    max: 1,
    step: 0.05,
    words: percent,
  },
];

/** @param {number} rate */
function percent(rate) {
  return rate === 0 ? 'never' : `${Math.round(rate * 100)} %`;
}

/** @param {string} id */
function faultsPath(id) {
  return `/secondaries/${encodeURIComponent(id)}/faults`;
}

/** @param {string} id @returns {Promise<Faults>} */
async function getFaults(id) {
  return (await call(faultsPath(id))).json();
}

/** @param {string} id @param {Partial<Faults>} faults @param {boolean} [isFarewell] whether the page is closing @returns {Promise<Faults>} */
async function putFaults(id, faults, isFarewell = false) {
  const body = faults;
  const response = await call(faultsPath(id), { method: 'PUT', body, keepalive: isFarewell });
  const answer = await response.json();
  if (!isFarewell) faultPanels.get(id)?.tell(answer);
  return answer;
}

/** @type {Map<string, FaultPanel>} */
const faultPanels = new Map();

class FaultPanel {
  root;
  #id;
  #note = element('p', 'note');
  #reset = element('button', 'quiet small', 'No faults');
  /** @type {Map<keyof Faults, {input: HTMLInputElement, output: HTMLElement}>} */
  #sliders = new Map();
  /** The changes that were not sent yet. @type {Partial<Faults>} */
  #due = {};
  #send = throttled(200, () => this.#sendDue());
  #isSending = false;
  /** How often the reader has changed something. */
  #changes = 0;
  /** Whether the secondary accepts no faults, so that it is not asked again. */
  #isRefused = false;

  /** @param {string} id */
  constructor(id) {
    this.#id = id;
    const reset = this.#reset;
    reset.type = 'button';
    reset.setAttribute('aria-label', `No faults on ${id}`);
    reset.addEventListener('click', () => {
      this.#change({ delayMs: 0, errorRate: 0, errorAfterApplyRate: 0 });
    });
    const head = element('div', 'fault-head', element('h3', '', id), reset);
    const sliders = FAULT_SLIDERS.map((slider) => this.#slider(slider));
    this.root = element('div', 'fault', head, ...sliders, this.#note);
    this.root.dataset.node = id;
    this.#note.hidden = true;
  }

  /** Shows the faults that the node has, unless the reader is changing them. @param {Faults} faults */
  tell(faults) {
    const isBusy = this.#isSending || Object.keys(this.#due).length > 0;
    if (isBusy || this.root.querySelector('input:active') !== null) return;
    // The panel was closed; its note says why.
    if (this.#reset.disabled) this.#note.hidden = true;
    this.#show(faults);
  }

  /** @param {Partial<Faults>} faults */
  #show(faults) {
    for (const { name, words } of FAULT_SLIDERS) {
      const value = faults[name];
      const slider = this.#sliders.get(name);
      if (value === undefined || slider === undefined) continue;
      slider.input.value = String(value);
      slider.input.setAttribute('aria-valuetext', words(value));
      setText(slider.output, words(value));
    }
    this.#enable(true);
  }

  /** @param {boolean} isOpen */
  #enable(isOpen) {
    this.#reset.disabled = !isOpen;
    for (const { input } of this.#sliders.values()) input.disabled = !isOpen;
  }

  /** Reads the faults, because other clients may set them as well. @param {string} status */
  async refresh(status) {
    if (status === 'Unhealthy') {
      this.#isRefused = false;
      this.#close('It does not answer; its faults cannot be set now.');
    }
    if (status === 'Unhealthy' || this.#isRefused) return;
    const changes = this.#changes;
    try {
      const faults = await getFaults(this.#id);
      if (changes === this.#changes) this.tell(faults);
    } catch (error) {
      this.#isRefused = error instanceof Refused && error.status === 404;
      this.#close(/** @type {Error} */ (error).message);
    }
  }

  /** @param {string} why */
  #close(why) {
    this.#enable(false);
    this.#say(why);
  }

  /** @param {string} text */
  #say(text) {
    this.#note.hidden = false;
    setText(this.#note, text);
  }

  /** @param {typeof FAULT_SLIDERS[number]} slider */
  #slider({ name, label, max, step, words }) {
    const input = element('input', '');
    Object.assign(input, { type: 'range', min: 0, max, step, value: 0, id: `${name}-${this.#id}` });
    const output = element('span', '', words(0));
    output.setAttribute('aria-hidden', 'true');
    input.addEventListener('input', () => this.#change({ [name]: Number(input.value) }));
    input.setAttribute('aria-valuetext', words(0));
    const text = element('label', '', label);
    text.htmlFor = input.id;
    input.setAttribute('aria-label', `${label}, ${this.#id}`);
    this.#sliders.set(name, { input, output });
    return element('div', 'slider', text, output, input);
  }

  /** @param {Partial<Faults>} faults */
  #change(faults) {
    this.#changes += 1;
    this.#note.hidden = true;
    this.#show(faults);
    Object.assign(this.#due, faults);
    this.#send();
  }

  async #sendDue() {
    const due = this.#due;
    this.#due = {};
    this.#isSending = true;
    const answer = await putFaults(this.#id, due).catch((error) => {
      this.#say(`Not set: ${error.message}`);
    });
    this.#isSending = false;
    if (answer) this.tell(answer);
  }
}

/** Shows a panel for each secondary. */
function showFaults() {
  setText(byId('faults-how'), faultsWords());
  if (!hasFaultInjection || !hasContact || health === null || !mayAsk()) return;
  for (const { id, status } of health.secondaries) {
    const panel = faultPanels.get(id) ?? new FaultPanel(id);
    faultPanels.set(id, panel);
    panel.refresh(status);
  }
  const known = health.secondaries.map(({ id }) => id);
  for (const id of faultPanels.keys()) if (!known.includes(id)) faultPanels.delete(id);
  setChildren(
    byId('faults-list'),
    [...faultPanels.values()].map(({ root }) => root),
  );
}

function faultsWords() {
  if (!hasFaultInjection) {
    return 'Closed. Start the nodes with FAULT_INJECTION=true, also the master, to get sliders for delays and errors here.';
  }
  if (!mayAsk()) return 'The sliders appear here when the token is entered.';
  if (health !== null && !isMaster()) return 'The sliders are on the page of the master.';
  if (health?.secondaries.length === 0) return 'This master has none.';
  return 'A delayed secondary receives messages at once and shows them late. What fails is sent again until it succeeds.';
}

function startFaults() {
  // The faults are read when the status of a secondary changes, and regularly (`FAULTS_MS`).
  let last = '';
  onCluster(() => {
    const now = JSON.stringify(health?.secondaries.map(({ id, status }) => [id, status]));
    if (now !== last) showFaults();
    last = now;
  });
  whenAllowed(showFaults);
  showFaults();
}
