/** Connects the parts, and starts the page. */

/** How often countdowns are updated, in ms. */
const TICK_MS = 200;
/** How often faults are read, in ms: others may set them as well. */
const FAULTS_MS = 2000;

setText(byId('origin'), location.origin);
startToken();
onCluster(showMode);
onCluster(showLanes);
startMembers();
startEpochs();
startTable();
startComposer();
startFaults();
startCharts();
startTour();
setInterval(() => {
  showTimes();
  if (ownAppends.some(({ state }) => state === 'waits')) followAppends();
}, TICK_MS);
setInterval(() => {
  if (!document.hidden) showFaults();
}, FAULTS_MS);
takeSamples();
followHealth(heard, lostContact);
