/** What a page does with the other members: it links to their pages, and hands over to them. It may ask only its own node. */

/** A link to the page of a member; text alone if its address is none of the web. @param {Member} member @param {string} words */
function pageLink({ id, url }, words) {
  if (!/^https?:\/\//.test(url)) return element('span', '', words);
  const link = element('a', '', words);
  link.href = `${url}/`;
  link.dataset.member = id;
  return link;
}

/** The link to the page of a member, and the button to hand over to it. @param {string} id */
function laneTools(id) {
  const member = health?.members.find((one) => one.id === id) ?? { id, url: '' };
  const tools = element('span', 'lane-tools', pageLink(member, `page of ${id}`));
  if (hasFaultInjection && !needsClusterToken) tools.append(handoverButton(id));
  return tools;
}

/** @type {Map<string, HTMLButtonElement>} */
const handoverButtons = new Map();
/** To whom this page hands over now; null for nobody. @type {string | null} */
let handingOverTo = null;

/** @param {string} id */
function handoverButton(id) {
  const button = element('button', 'quiet small', 'Hand over');
  button.type = 'button';
  button.setAttribute('aria-label', `Hand over to ${id}`);
  button.addEventListener('click', () => handOver(id));
  handoverButtons.set(id, button);
  return button;
}

/** @param {string} id */
async function handOver(id) {
  handingOverTo = id;
  showHandovers();
  noteHandover('good', `Handing over to ${id}.`);
  try {
    const response = await call('/handover', { method: 'POST', body: { to: id } });
    const { master, epoch } = await response.json();
    noteHandover('good', `${master} is the master now, under epoch ${number(epoch)}.`);
  } catch (error) {
    const why = error instanceof Refused ? error.message : 'the node did not answer';
    noteHandover('bad', `Not handed over: ${why}`);
  }
  handingOverTo = null;
  showHandovers();
}

/** @param {'good' | 'bad'} kind @param {string} words */
function noteHandover(kind, words) {
  setData(byId('handover-note'), 'kind', kind);
  setText(byId('handover-note'), words);
}

/** A button is there while this node is the master, and works for members that could take over. */
function showHandovers() {
  for (const [id, button] of handoverButtons) {
    const secondary = health?.secondaries.find((one) => one.id === id);
    button.hidden = !isMaster() || !hasContact || !mayAsk();
    button.disabled =
      handingOverTo !== null || secondary?.status !== 'Healthy' || !secondary.complete;
  }
}

/** The content of the list of pages; if it changes the list is built again, so that a link keeps the focus. */
let membersShown = '';

/** The pages of all members, and which of them is the master's. */
function showMembers() {
  if (health === null) return;
  const { members, master, nodeId } = health;
  const now = JSON.stringify([members, master?.id, nodeId, hasContact]);
  if (now === membersShown) return;
  membersShown = now;
  const links = members.map((member) => {
    // Without contact nobody here knows who is the master now.
    const role = hasContact && member.id === master?.id ? ' ★ master' : '';
    if (member.id !== nodeId) return element('li', '', pageLink(member, member.id), role);
    return element('li', '', `${member.id} (this page)${role}`);
  });
  byId('members').replaceChildren(...links);
}

/** Whether appends can be made here, and else where they go. */
function showWhereAppendsGo() {
  const isClosed = health !== null && !isMaster();
  const where = byId('composer-where');
  const master = health?.master ?? null;
  const now = isClosed ? JSON.stringify(master) : '';
  if (where.dataset.of === now) return;
  where.dataset.of = now;
  where.hidden = !isClosed;
  const button = /** @type {HTMLButtonElement} */ (byId('append'));
  button.disabled = isClosed;
  if (master === null) setText(where, 'No master is known here: nothing can be appended now.');
  else {
    const link = pageLink(master, `page of ${master.id}`);
    where.replaceChildren('Appends go to the master: open the ', link, '.');
  }
}

/** Only a cluster that elects its master has any of this. */
function startMembers() {
  if (!isElected) return;
  setText(byId('whom'), 'This page talks to this node only.');
  setText(
    byId('lanes-how'),
    'A square is a message, its place is its number, and a lane is a member. Messages go from the master (★) to the others.',
  );
  setText(byId('token-title'), 'This node requires a token');
  for (const node of document.querySelectorAll('[data-elected]')) {
    /** @type {HTMLElement} */ (node).hidden = false;
  }
  for (const node of document.querySelectorAll('[data-classic]')) {
    /** @type {HTMLElement} */ (node).hidden = true;
  }
  setText(byId('mode-why'), 'Asking the node for the state of the cluster.');
  setText(byId('handover-origin'), location.origin);
  byId('handover-closed').hidden = !(hasFaultInjection && needsClusterToken);
  onCluster(showMembers);
  onCluster(showHandovers);
  onCluster(showWhereAppendsGo);
  whenAllowed(showHandovers);
}
