/** A lane for each node. Those of members keep their places, so that one sees the role of the master move. */

/** @type {Lane[]} */
let lanes = [];
/** @type {Map<string, string>} */
const announcedStatus = new Map();
let announcedMaster = '';

function showLanes() {
  if (health === null) return;
  const { nodeId, secondaries, members } = health;
  const ids = isElected
    ? members.map(({ id }) => id)
    : [nodeId, ...secondaries.map(({ id }) => id)];
  if (ids.join('\n') !== lanes.map(({ id }) => id).join('\n')) {
    laneCanvases.clear();
    lanes = ids.map((id) => new Lane(id, ...(isElected && id !== nodeId ? [laneTools(id)] : [])));
    byId('lanes').replaceChildren(...lanes.map(({ root }) => root));
  }
  for (const [index, lane] of lanes.entries()) showLane(lane, index === 0, health);
  for (const secondary of secondaries) announceStatus(secondary);
  announceMaster();
}

/** @param {Lane} lane @param {boolean} isFirst @param {Health} now */
function showLane(lane, isFirst, now) {
  const { nodeId, role, master, secondaries, length } = now;
  const isOwn = lane.id === nodeId;
  const otherRole = lane.id === master?.id ? 'master' : 'secondary';
  lane.showRole(isOwn ? role : otherRole);
  if (isOwn) {
    if (role === 'master') lane.showMaster(now, isFirst);
    else lane.showOwn(now);
    if (isElected && !hasContact) lane.showSilent(role);
    return;
  }
  const secondary = secondaries.find(({ id }) => id === lane.id);
  if (secondary !== undefined) lane.showSecondary(secondary, length, isFirst);
  else lane.showUnknown();
}

/** @param {SecondaryHealth} secondary */
function announceStatus({ id, status, lag }) {
  const before = announcedStatus.get(id);
  announcedStatus.set(id, status);
  if (before !== undefined && before !== status) {
    announce(`${id} is now ${status}, and lags by ${counted(lag, 'message')}`);
  }
}

/** Announces another master than before. */
function announceMaster() {
  const id = health?.master?.id ?? '';
  if (id === '' || id === announcedMaster) return;
  if (announcedMaster !== '') announce(`${id} is now the master`);
  announcedMaster = id;
}

/** Updates the countdowns between two events. */
function showTimes() {
  for (const secondary of health?.secondaries ?? []) {
    lanes.find(({ id }) => id === secondary.id)?.showTimes(secondary);
  }
}
