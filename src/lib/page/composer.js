/** Where a reader appends, and sees what becomes of it. */

/** At most so many are listed; more wait unseen, and are counted. */
const LISTED_MAX = 30;

function startComposer() {
  byId('composer').addEventListener('submit', (event) => {
    event.preventDefault();
    compose();
  });
  appendListeners.push(showAppends);
  onCluster(() => {
    offerWriteConcerns();
    followAppends();
  });
}

async function compose() {
  const text = inputById('text').value;
  const count = Number(inputById('count').value);
  const wText = inputById('w').value;
  const w = wText === 'all' || wText === 'majority' ? wText : Number(wText);
  const waitText = inputById('wait').value;
  const messages =
    count === 1 ? [text] : Array.from({ length: count }, (_, i) => `${text} ${i + 1}`);
  const note = byId('composer-note');
  try {
    const own = await append(messages, w, waitText === '' ? null : Number(waitText));
    const what = count === 1 ? `Message ${number(own.seq)} is` : `${number(count)} messages are`;
    setText(note, `${what} in the log.`);
    setData(note, 'kind', 'good');
    inputById('text').value = '';
  } catch (error) {
    const why = error instanceof Refused ? error.message : 'the master does not answer';
    setText(note, `Nothing was appended. ${why}`);
    setData(note, 'kind', 'bad');
  }
  inputById('text').focus();
}

/** The choices for `w`, as many as there are nodes. */
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
    option('all', `all ${nodes} nodes`),
    ...numbers.map((w) => option(w, w === 1 ? '1: the master alone' : `${w} nodes`)),
  );
}

function showAppends() {
  const mine = ownAppends.filter(({ isHeld, state }) => isHeld && state === 'waits').length;
  const waiting = ownAppends.filter(({ state }) => state === 'waits').length;
  const others = Math.max(0, (health?.waiting ?? 0) - mine);
  setText(byId('waiting-summary'), waitingWords(waiting, others));
  byId('appends').replaceChildren(...ownAppends.slice(0, LISTED_MAX).map(appendItem));
}

/** @param {number} waiting of this page @param {number} others waiting elsewhere */
function waitingWords(waiting, others) {
  const elsewhere =
    others === 0
      ? ''
      : ` ${others === 1 ? '1 other client waits' : `${number(others)} other clients wait`}.`;
  if (ownAppends.length === 0) {
    return `None yet. Each will show here who has acknowledged it and who is still pending.${elsewhere}`;
  }
  const here =
    waiting === 0
      ? 'None of them waits.'
      : waiting === 1
        ? '1 of them waits.'
        : `${number(waiting)} of them wait.`;
  return here + elsewhere;
}

/** @param {OwnAppend} own */
function appendItem(own) {
  const { seq, count, text, w, acked, pending, state } = own;
  const place = count === 1 ? `${number(seq)}` : `${number(seq - count + 1)}–${number(seq)}`;
  const title = element('p', 'append-title', element('b', '', place), ` ${shortened(text, 60)}`);
  const chips = element('p', 'chips');
  for (const name of acked) chips.append(element('span', 'chip acked', `✓ ${name}`), ' ');
  for (const name of pending)
    chips.append(element('span', 'chip pending', `… ${name} pending`), ' ');
  const words = element('p', 'append-state', stateWords(own));
  const item = element('li', 'append', title, words, chips);
  item.dataset.state = state;
  item.dataset.w = String(w);
  return item;
}

/** @param {OwnAppend} own */
function stateWords({ w, needed, acked, state, tookMs, giveUpAt, problem }) {
  const asked = typeof w === 'number' ? `w=${w}` : `w=${w} (${needed})`;
  switch (state) {
    case 'waits':
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
