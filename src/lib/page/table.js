/** The last messages as a table: their texts, and where each one is, in words. */

const ROWS_MAX = 20;

/** The seq of the first of `texts`. */
let textsFrom = 1;
/** @type {string[]} */
let texts = [];
/** What `texts` was read for; another length, epoch or log makes it old. */
let textsOf = '';

const refreshTexts = throttled(500, () => {
  readTexts().catch(() => {});
});

async function readTexts() {
  if (health === null || !mayAsk() || !isTableOpen()) return;
  const { length, epoch, logId } = health;
  const name = `${logId} ${epoch} ${length}`;
  if (name !== textsOf) {
    const from = Math.max(1, length - ROWS_MAX + 1);
    const response = await call(`/messages?from=${from}&limit=${ROWS_MAX}`);
    [textsFrom, texts, textsOf] = [from, await response.json(), name];
  }
  showTable();
}

function isTableOpen() {
  return /** @type {HTMLDetailsElement} */ (byId('table-details')).open;
}

function showTable() {
  if (health === null) return;
  const { nodeId, secondaries } = health;
  const head = element('tr', '');
  for (const name of ['Seq', 'Message', nodeId, ...secondaries.map(({ id }) => id)]) {
    const cell = element('th', '', name);
    cell.scope = 'col';
    head.append(cell);
  }
  const ends = secondaries.map(endsOf);
  const rows = texts.map((text, index) => {
    const seq = textsFrom + index;
    const states = ends.map((end) => element('td', '', STATE_WORDS[stateAt(end, seq)]));
    const message = element('td', 'message', shortened(text, 200));
    return element(
      'tr',
      '',
      element('td', 'seq', number(seq)),
      message,
      element('td', '', 'visible'),
      ...states,
    );
  });
  byId('table').replaceChildren(
    element('thead', '', head),
    element('tbody', '', ...rows.reverse()),
  );
}

function startTable() {
  byId('table-details').addEventListener('toggle', refreshTexts);
  onCluster(refreshTexts);
  whenAllowed(refreshTexts);
}
