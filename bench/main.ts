/**
 * `make bench`: plays the scenarios one after the other, prints their tables, and saves the results as JSON. If a
 * scenario fails the others go on, and the exit code is 1.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { LoadGenerator } from './measure/load.ts';
import { endAll } from './measure/running.ts';
import { installedPeers, type Peer } from './peers/peers.ts';
import { textTable } from './report/table.ts';
import { describeMachine, type ScenarioResult, saveResults } from './results.ts';
import { SCENARIOS } from './scenarios/all.ts';
import type { Context, Outcome, Scenario } from './scenarios/scenario.ts';
import { settings } from './settings.ts';

function say(text = ''): void {
  process.stdout.write(`${text}\n`);
}

const unknown = settings.only.filter((name) => !SCENARIOS.some((each) => each.name === name));
if (unknown.length > 0) {
  say(`no such scenario: ${unknown.join(', ')}; there are:`);
  for (const { name, shows } of SCENARIOS) say(`  ${name.padEnd(12)} ${shows}`);
  process.exit(1);
}
const chosen = SCENARIOS.filter(
  ({ name }) => settings.only.length === 0 || settings.only.includes(name),
);
const machine = describeMachine();
const peers = findPeers();
say(`${machine.runtime}, ${machine.cores} cores of ${machine.cpu}, ${machine.memoryGiB} GiB`);

const start = performance.now();
const scenarios: ScenarioResult[] = [];
for (const scenario of chosen) scenarios.push(await play(scenario));
const path = saveResults({ machine, isQuick: settings.isQuick, peers, scenarios });
const failed = scenarios.filter(({ failure }) => failure !== null);
say(`\n${secondsSince(start)} s; results in ${path}`);
if (failed.length > 0) say(`FAILED: ${failed.map(({ name }) => name).join(', ')}`);
process.exit(failed.length > 0 ? 1 : 0);

/** The versions of the installed peers; reports the others. */
function findPeers(): Record<string, string> {
  if (!settings.withPeers) return {};
  const found: Record<string, string> = {};
  for (const [name, version] of Object.entries(installedPeers())) {
    if (version === null) say(`${name} is not installed and is left out`);
    else found[name] = version;
  }
  return found;
}

function secondsSince(start: number): number {
  return Math.round((performance.now() - start) / 1000);
}

async function play(scenario: Scenario): Promise<ScenarioResult> {
  const { name, shows } = scenario;
  say(`\n=== ${name}\n`);
  const begun = performance.now();
  try {
    const outcome = await bounded(scenario, {
      load: new LoadGenerator(),
      peers: new Set(Object.keys(peers) as Peer[]),
    });
    say(outcome.tables.map(textTable).join('\n'));
    say(`  (${secondsSince(begun)} s)`);
    return { name, shows, failure: null, outcome };
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error);
    say(`FAILED: ${failure}`);
    return { name, shows, failure, outcome: null };
  } finally {
    await endAll();
  }
}

async function bounded(scenario: Scenario, context: Context): Promise<Outcome> {
  const giveUp = new AbortController();
  const tooLate = sleep(settings.scenarioMs, undefined, { signal: giveUp.signal }).then(() => {
    throw new Error(`not over after ${settings.scenarioMs / 1000} s`);
  });
  try {
    return await Promise.race([scenario.run(context), tooLate]);
  } finally {
    giveUp.abort();
    // The aborted timer rejects; that must not count as unhandled.
    tooLate.catch(() => {});
  }
}
