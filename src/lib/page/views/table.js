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
  const ids = [nodeId, ...secondaries.map(({ id }) => id)];
  const names = ['Seq', ...(isElected ? ['Epoch'] : []), 'Message', ...ids];
  const ends = [ownEnds(health), ...secondaries.map(endsOf)];
  const rows = texts.map((text, index) => {
    const seq = textsFrom + index;
    const states = ends.map((end) => stateWordsAt(end, seq));
    const epoch = isElected ? [String(epochAt(seq) ?? '–')] : [];
    return [number(seq), ...epoch, shortened(text, 200), ...states];
  });
  const now = JSON.stringify([names, rows]);
  if (now === shown) return;
  shown = now;
  const head = names.map((name) => {
    const cell = element('th', '', name);
    cell.scope = 'col';
    return cell;
  });
  const messageAt = names.indexOf('Message');
  const body = rows.reverse().map((row) => {
    const cells = row.map((text, index) =>
      index === messageAt
        ? element('td', 'message', element('bdi', '', text))
        : element('td', '', text),
    );
    return element('tr', '', ...cells);
  });
  byId('table').replaceChildren(
    element('thead', '', element('tr', '', ...head)),
    element('tbody', '', ...body),
  );
}

function startTable() {
  byId('table-details').addEventListener('toggle', refreshTexts);
  onCluster(refreshTexts);
  epochListeners.push(refreshTexts);
  whenAllowed(refreshTexts);
}
