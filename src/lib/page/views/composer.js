/** The form for appends, and the list of the appends that were made. */

/** The most appends that are listed; the others are only counted. */
const LISTED_MAX = 30;

function startComposer() {
  byId('composer').addEventListener('submit', (event) => {
    event.preventDefault();
    compose();
  });
  // The note is about the last message, not about the one that is being typed.
  byId('text').addEventListener('input', () => note('good', ''));
  appendListeners.push(showAppends);
  onCluster(() => {
    offerWriteConcerns();
    followAppends();
  });
}

async function compose() {
  const input = inputById('text');
  const text = input.value;
  const count = Number(inputById('count').value);
  const wText = inputById('w').value;
  const w = wText === 'all' || wText === 'majority' ? wText : Number(wText);
  const waitText = inputById('wait').value;
  const messages =
    count === 1 ? [text] : Array.from({ length: count }, (_, i) => `${text} ${i + 1}`);
  // With an empty field a second click does not append the message twice.
  input.value = '';
  input.focus();
  try {
    const own = await append(messages, w, waitText === '' ? null : Number(waitText));
    const what = count === 1 ? `Message ${number(own.seq)} is` : `${number(count)} messages are`;
    note('good', `${what} in the log.`);
  } catch (error) {
    note('bad', refusalWords(error));
    if (input.value === '') input.value = text;
  }
}

/** @param {'good' | 'bad'} kind @param {string} words */
function note(kind, words) {
  setData(byId('composer-note'), 'kind', kind);
  setText(byId('composer-note'), words);
}

/** @param {unknown} error */
function refusalWords(error) {
  if (!(error instanceof Refused)) {
    return `No answer from the ${nodeWord}: look at the log to see whether it was appended.`;
  }
  return error.wasAppended
    ? `It is in the log, but was not answered. ${error.message}`
    : `Nothing was appended. ${error.message}`;
}

/** Offers the choices for `w`, which depend on the number of nodes. */
function offerWriteConcerns() {
  const select = inputById('w');
  const nodes = health?.quorum.nodes ?? 1;
  if (select.dataset.nodes === String(nodes)) return;
  select.dataset.nodes = String(nodes);
  /** @param {WriteConcern} w @param {string} text */
  const option = (w, text) => {
    const made = element('option', '', text);
    made.value = String(w);
    return made;
  };
  const numbers = Array.from({ length: nodes }, (_, i) => i + 1);
  select.replaceChildren(
    option('majority', `a majority (${nodesFor('majority')} of ${nodes})`),
    option('all', nodes === 1 ? 'all nodes (1)' : `all ${nodes} nodes`),
    ...numbers.map((w) => option(w, w === 1 ? '1: the master alone' : `${w} nodes`)),
  );
}

function showAppends() {
  setText(byId('waiting-summary'), waitingWords());
  setChildren(byId('appends'), ownAppends.slice(0, LISTED_MAX).map(itemOf));
}

function waitingWords() {
  if (ownAppends.length === 0) {
    return 'None yet. Each will show here which nodes have acknowledged it and which are pending.';
  }
  const waiting = ownAppends.filter(({ state }) => state === 'waits').length;
  const unlisted = Math.max(0, ownAppends.length - LISTED_MAX);
  const rest = unlisted === 0 ? '' : ` The oldest ${number(unlisted)} are not listed.`;
  if (waiting === 0) return `None of them waits.${rest}`;
  return `${number(waiting)} of them ${waiting === 1 ? 'waits' : 'wait'}.${rest}`;
}

/** The elements of the listed appends, and their content. @type {WeakMap<OwnAppend, {item: Element, said: string}>} */
const items = new WeakMap();

/** The element of an append; a new one only if its content has changed. @param {OwnAppend} own */
function itemOf(own) {
  const said = JSON.stringify([own.seq, own.state, own.acked, own.pending, stateWords(own)]);
  const known = items.get(own);
  if (known?.said === said) return known.item;
  const item = appendItem(own);
  items.set(own, { item, said });
  return item;
}

/** @param {OwnAppend} own */
function appendItem(own) {
  const { seq, count, text, w, acked, pending, state } = own;
  const last = seq === 0 ? '…' : number(seq);
  const place = count === 1 || seq === 0 ? last : `${number(seq - count + 1)}–${last}`;
  const words = element('bdi', '', count === 1 ? text : `${text} × ${number(count)}`);
  const title = element('p', 'append-title', element('b', '', place), ' ', words);
  const chips = element('p', 'chips');
  for (const name of acked) chips.append(element('span', 'chip acked', `✓ ${name}`), ' ');
  for (const name of pending)
    chips.append(element('span', 'chip pending', `… ${name} pending`), ' ');
  const item = element('li', 'append', title, element('p', 'append-state', stateWords(own)), chips);
  item.dataset.state = state;
  item.dataset.w = String(w);
  return item;
}

/** @param {OwnAppend} own */
function stateWords({ w, needed, acked, state, tookMs, giveUpAt, problem }) {
  const asked = typeof w === 'number' ? `w=${w}` : `w=${w} (${needed})`;
  switch (state) {
    case 'sent':
      return `${asked} – sent, no answer yet`;
    case 'waits':
      if (!isMaster()) return `${asked} – waits: only the master knows which nodes hold it`;
      return `${asked} – waits: ${acked.length} of ${needed} nodes hold it`;
    case 'holds':
      return `${asked} – answered after ${duration(tookMs)}`;
    case 'given-up': {
      const why = Number.isFinite(giveUpAt) ? 'not waited for any longer' : '';
      const now = acked.length >= needed ? 'it holds by now' : 'it goes on replicating';
      return `${asked} – ${why}; ${now}`;
    }
    case 'failed':
      return `${asked} – ${problem}`;
  }
}
