/** The page's requests, all of them to the node that serves it. */

/** A refusal of the node, in its own words. */
class Refused extends Error {
  /** @param {number} status @param {string} text @param {boolean} [wasAppended] whether the message is in the log nevertheless */
  constructor(status, text, wasAppended = false) {
    super(text);
    this.status = status;
    this.wasAppended = wasAppended;
  }
}

/** Kept in memory only; null until the reader has entered one. @type {string | null} */
let apiToken = null;
/** @type {(() => void)[]} */
const tokenListeners = [];
const needsToken = document.documentElement.dataset.token === 'needed';
const hasFaultInjection = document.documentElement.dataset.faults === 'on';
const needsClusterToken = document.documentElement.dataset.clusterToken === 'needed';
/** What serves this page: any member of a cluster that elects its master, or else the master. */
const nodeWord = document.documentElement.dataset.cluster === 'elected' ? 'node' : 'master';

/** Whether the page can send requests that may require a token. */
function mayAsk() {
  return !needsToken || apiToken !== null;
}

/** Calls the listener now if no token is missing, and whenever one is entered. @param {() => void} listener */
function whenAllowed(listener) {
  tokenListeners.push(listener);
  if (mayAsk()) listener();
}

/**
 * Sends one request as a client; throws a refusal as `Refused`.
 * @param {string} path
 * @param {{method?: string, body?: object, wait?: number, accept?: string, signal?: AbortSignal, keepalive?: boolean, token?: string}} [options]
 */
async function call(path, options = {}) {
  const {
    method = 'GET',
    body,
    wait,
    accept = 'application/json',
    token = apiToken,
    ...rest
  } = options;
  if (needsToken && token === null) {
    throw new Refused(401, `The ${nodeWord} requires a token; enter it above`);
  }
  /** @type {Record<string, string>} */
  const headers = { accept };
  if (token !== null) headers.authorization = `Bearer ${token}`;
  if (wait !== undefined) headers.prefer = `wait=${wait}`;
  if (body !== undefined) headers['content-type'] = 'application/json';
  const text = body === undefined ? null : JSON.stringify(body);
  const response = await fetch(path, { method, headers, body: text, cache: 'no-store', ...rest });
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  // A late answer to an older token says nothing about the one entered since.
  if (response.status === 401 && (token === apiToken || apiToken === null))
    askForToken('That token is not the right one.');
  const { title = `HTTP ${response.status}`, detail = '', appended = false } = problem;
  const words = detail === '' ? title : `${title}: ${detail}`;
  throw new Refused(response.status, words, appended);
}

/** @param {string} why */
function askForToken(why) {
  apiToken = null;
  setText(byId('token-note'), why);
  byId('token-form').hidden = false;
}

/** Checks a token with one request before others use it. @param {string} token */
async function useToken(token) {
  // Other characters cannot be sent in a header, and nodes accept no such token.
  if (!/^[\x21-\x7e]+$/.test(token)) {
    return askForToken('A token has letters, digits and signs of ASCII only, and no spaces.');
  }
  try {
    await call('/messages?limit=1', { token });
  } catch (error) {
    if (error instanceof Refused && error.status === 401) return;
  }
  apiToken = token;
  byId('token-form').hidden = true;
  inputById('text').focus();
  for (const listener of tokenListeners) listener();
}

function startToken() {
  if (needsToken) askForToken('');
  byId('token-form').addEventListener('submit', (event) => {
    event.preventDefault();
    useToken(inputById('token').value);
    inputById('token').value = '';
  });
}

/** A stream that is silent for longer is dead: the node writes at least every 2 s. */
const SILENCE_MS = 6000;
const RECONNECT_MS = 1000;

/**
 * Follows the health of the cluster as events, at most ten a second, while the page is open.
 * @param {(health: HealthBody) => void} onHealth
 * @param {() => void} onLost
 */
async function followHealth(onHealth, onLost) {
  for (;;) {
    await readHealth(onHealth).catch(() => {});
    onLost();
    await pause(RECONNECT_MS);
  }
}

/** Reads one stream until it ends. @param {(health: HealthBody) => void} onHealth */
async function readHealth(onHealth) {
  const abort = new AbortController();
  let timer = setTimeout(() => abort.abort(), SILENCE_MS);
  try {
    const headers = { accept: 'text/event-stream' };
    const response = await fetch('/health', { headers, cache: 'no-store', signal: abort.signal });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
      const { value, done } = (await reader?.read()) ?? { done: true };
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => abort.abort(), SILENCE_MS);
      const events = (rest + value).split('\n\n');
      rest = events.pop() ?? '';
      // Of several events in one piece only the last is current.
      const last = events.findLast((event) => event.startsWith('data:'));
      if (last !== undefined) onHealth(JSON.parse(last.slice('data:'.length)));
    }
  } finally {
    clearTimeout(timer);
  }
}
