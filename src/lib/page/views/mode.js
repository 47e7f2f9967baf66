/** The mode of the cluster in words, with its reason and the main figures. */

const SIGNS = {
  ok: '✓',
  degraded: '!',
  'read-only': '✕',
  recovering: '↻',
  fenced: '⊘',
  'no-contact': '?',
  secondary: '↓',
  candidate: '↻',
  'no-master': '!',
};

/** @typedef {keyof typeof SIGNS} Mode */

/** @param {readonly SecondaryHealth[]} secondaries */
function behind(secondaries) {
  const late = secondaries.filter(({ lag }) => lag > 0);
  if (late.length === 0) return 'Every node is Healthy, and shows every message.';
  if (late.length > 2) {
    const last = late.reduce((most, one) => (one.lag > most.lag ? one : most));
    return `Every node is Healthy; ${late.length} are behind, ${last.id} the most, by ${number(last.lag)}.`;
  }
  return `Every node is Healthy; ${listed(late.map(({ id, lag }) => `${id} is behind by ${number(lag)}`))}.`;
}

/** @typedef {{mode: Mode, word: string, why: string}} ModeInWords */

/** @returns {ModeInWords} */
function withoutContact() {
  const mode = 'no-contact';
  if (!isElected || health === null) {
    const why = `The ${nodeWord} does not answer. Below is the last state that it sent.`;
    return { mode, word: 'No contact', why };
  }
  const { nodeId, role, members } = health;
  const others = members.length > 1 ? ' The others may elect another master: see their pages.' : '';
  const was = role === 'master' ? `${nodeId}, which was the master,` : nodeId;
  const why = `${was} does not answer.${role === 'master' ? others : ''} Below is the last state that it sent.`;
  return { mode, word: 'No contact', why };
}

/** The mode of a member that is not the master. @param {Health} now @returns {ModeInWords} */
function modeWithoutRole({ role, master, reason, nodeId }) {
  const last = reason === undefined ? '' : ` It was not elected, or stepped down: ${reason}.`;
  if (role === 'candidate') {
    const why = `${nodeId} has heard no master, and stands for election.${last}`;
    return { mode: 'candidate', word: 'Electing', why };
  }
  if (master === null) {
    const why = `${nodeId} knows of no master. An election follows, of this node or of another one.${last}`;
    return { mode: 'no-master', word: 'No master', why };
  }
  const why = `${master.id} is the master, under epoch ${number(master.epoch)}. This page knows the log of ${nodeId} alone; the page of ${master.id} shows all.`;
  return { mode: 'secondary', word: 'Secondary', why };
}

/** @returns {ModeInWords} */
function modeOf() {
  if (health === null || !hasContact) return withoutContact();
  if (!isMaster()) return modeWithoutRole(health);
  const { quorum, secondaries, fenced } = health;
  const ill = secondaries.filter(({ status }) => status !== 'Healthy');
  const need = `${quorum.required} of ${counted(quorum.nodes, 'node')}`;
  if (fenced !== undefined) {
    const by = fenced.byEpoch === null ? '' : ` under epoch ${fenced.byEpoch}`;
    const why = `Another master has taken over${by}. This one accepts nothing any more; append there.`;
    return { mode: 'fenced', word: 'Fenced', why };
  }
  switch (health.status) {
    case 'ok': {
      const why =
        secondaries.length === 0
          ? 'The master is alone: it has no secondaries.'
          : behind(secondaries);
      return { mode: 'ok', word: 'OK', why };
    }
    case 'degraded': {
      const who = ill.map(({ id, status }) => `${id} is ${status}`);
      const why = `${listed(who)}. Appends go on: ${number(quorum.available)} nodes are available, ${need} are enough.`;
      return { mode: 'degraded', word: 'Degraded', why };
    }
    case 'recovering': {
      const waits = health.reason === undefined ? '' : ` It waits: ${health.reason}.`;
      const why = `This master has just started and asks the secondaries what they hold.${waits}`;
      return { mode: 'recovering', word: 'Recovering', why };
    }
    case 'read-only': {
      const missing = secondaries.filter(({ status }) => status === 'Unhealthy');
      const are = missing.length === 1 ? 'is' : 'are';
      const why = `A quorum is missing: appends need ${need}, and ${number(quorum.available)} ${quorum.available === 1 ? 'is' : 'are'} available. ${listed(missing.map(({ id }) => id))} ${are} Unhealthy. Reading goes on.`;
      return { mode: 'read-only', word: 'Read-only', why };
    }
  }
}

let announcedMode = '';

function showMode() {
  const { mode, word, why } = modeOf();
  setData(byId('mode'), 'mode', mode);
  setText(byId('mode-sign'), SIGNS[mode]);
  setText(byId('mode-word'), word);
  setText(byId('mode-why'), why);
  document.title = `${isElected && health !== null ? `${health.nodeId}: ` : ''}${word} – replicated log`;
  setData(document.body, 'contact', hasContact ? 'live' : 'none');
  setText(byId('contact-text'), hasContact ? `live from ${health?.nodeId}` : 'no contact');
  // Only a new mode is announced, not each change of its reason.
  if (word !== announcedMode) announce(`The cluster is now: ${word}. ${why}`);
  announcedMode = word;
  if (health === null || !hasContact) return;
  const { quorum } = health;
  setText(byId('fact-length'), number(health.length));
  setText(byId('fact-committed'), number(health.committed));
  // Only the master knows who is available, and who waits.
  setText(byId('fact-quorum'), isMaster() ? `${quorum.available} of ${quorum.nodes}` : '–');
  setText(byId('fact-required'), `${quorum.required} of ${quorum.nodes}`);
  setText(byId('fact-epoch'), health.epoch === 0 ? '–' : number(health.epoch));
  setText(byId('fact-waiting'), isMaster() ? number(health.waiting + unheldWaiting()) : '–');
}
