/** The last messages as a table: their texts, and their state on each node in words. */

const ROWS_MAX = 20;

/** The seq of the first of `texts`. */
let textsFrom = 1;
/** @type {string[]} */
let texts = [];
/** The log, epoch and length for which `texts` was read; if one changes it is read again. */
let textsOf = '';
/** The content of the table; if it changes the table is built again. */
let shown = '';

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
  const names = ['Seq', 'Message', nodeId, ...secondaries.map(({ id }) => id)];
  const ends = secondaries.map(endsOf);
  const rows = texts.map((text, index) => {
    const seq = textsFrom + index;
    const states = ends.map((end) => STATE_WORDS[stateAt(end, seq)]);
    return [number(seq), shortened(text, 200), 'visible', ...states];
  });
  const now = JSON.stringify([names, rows]);
  if (now === shown) return;
  shown = now;
  const head = names.map((name) => {
    const cell = element('th', '', name);
    cell.scope = 'col';
    return cell;
  });
  const body = rows.reverse().map(([seq = '', text = '', ...states]) => {
    const message = element('td', 'message', element('bdi', '', text));
    const cells = states.map((state) => element('td', '', state));
    return element('tr', '', element('td', '', seq), message, ...cells);
  });
  byId('table').replaceChildren(
    element('thead', '', element('tr', '', ...head)),
    element('tbody', '', ...body),
  );
}

function startTable() {
  byId('table-details').addEventListener('toggle', refreshTexts);
  onCluster(refreshTexts);
  whenAllowed(refreshTexts);
}
