/** Sliders that disturb the secondaries. The page talks to the master only; the master passes it on. */

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
  if (!isFarewell) faultPanels.get(id)?.show(answer);
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
  /** What still has to be sent. @type {Partial<Faults>} */
  #due = {};
  #send = throttled(200, () => this.#sendDue());
  /** Its status when the faults were read last; they are read anew when it is back. */
  #readAs = '';

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

  /** @param {Partial<Faults>} faults */
  show(faults) {
    for (const { name, words } of FAULT_SLIDERS) {
      const value = faults[name];
      const slider = this.#sliders.get(name);
      if (value === undefined || slider === undefined) continue;
      slider.input.value = String(value);
      slider.input.setAttribute('aria-valuetext', words(value));
      setText(slider.output, words(value));
    }
    this.#note.hidden = true;
    this.#enable(true);
  }

  /** @param {boolean} isOpen */
  #enable(isOpen) {
    this.#reset.disabled = !isOpen;
    for (const { input } of this.#sliders.values()) input.disabled = !isOpen;
  }

  /** Reads the faults if that has not been done since the node is as it is. @param {string} status */
  async refresh(status) {
    if (this.#readAs === status) return;
    this.#readAs = status;
    if (status === 'Unhealthy') this.#close('It does not answer; its faults cannot be set now.');
    else {
      const show = (/** @type {Faults} */ faults) => this.show(faults);
      await getFaults(this.#id).then(show, (error) => this.#close(error.message));
    }
  }

  /** Another token may be told what this one was not. */
  forget() {
    this.#readAs = '';
  }

  /** @param {string} why */
  #close(why) {
    this.#enable(false);
    this.#say(why);
  }

  /** @param {typeof FAULT_SLIDERS[number]} slider */
  #slider({ name, label, max, step, words }) {
    const input = element('input', '');
    Object.assign(input, { type: 'range', min: 0, max, step, value: 0, id: `${name}-${this.#id}` });
    const output = element('output', '', words(0));
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
    this.show(faults);
    Object.assign(this.#due, faults);
    this.#send();
  }

  async #sendDue() {
    const due = this.#due;
    this.#due = {};
    await putFaults(this.#id, due).catch((error) => this.#say(`Not set: ${error.message}`));
  }

  /** @param {string} text */
  #say(text) {
    this.#note.hidden = false;
    setText(this.#note, text);
  }
}

function showFaults() {
  if (!hasFaultInjection || health === null || !mayAsk()) return;
  for (const { id, status } of health.secondaries) {
    let panel = faultPanels.get(id);
    if (panel === undefined) {
      panel = new FaultPanel(id);
      faultPanels.set(id, panel);
      byId('faults-list').append(panel.root);
    }
    panel.refresh(status);
  }
}

function startFaults() {
  const how = hasFaultInjection
    ? 'A delayed secondary receives messages at once and shows them late. What fails is sent again, for ever.'
    : 'Closed. Start the nodes with FAULT_INJECTION=true, the master as well, and sliders for delays and errors appear here.';
  setText(byId('faults-how'), how);
  onCluster(showFaults);
  whenAllowed(() => {
    for (const panel of faultPanels.values()) panel.forget();
    showFaults();
  });
}
