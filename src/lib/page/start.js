/** Joins the parts, and begins. */

/** How often countdowns are shown anew, in ms. */
const TICK_MS = 200;

setText(byId('origin'), location.origin);
startToken();
onCluster(showMode);
onCluster(showLanes);
startTable();
startComposer();
startFaults();
startCharts();
startTour();
setInterval(() => {
  showTimes();
  if (ownAppends.some(({ state }) => state === 'waits')) followAppends();
}, TICK_MS);
takeSamples();
followHealth(heard, lostContact);
