/** Starts the process of a node from its environment: a master, a secondary, or a member that may be either. */
import { randomInt, randomUUID } from 'node:crypto';
import { nodeRoutes, type RoutesOptions } from '../api/routes.ts';
import { nameIn } from '../replication/peer-fetch.ts';
import { askMasterLength } from '../replication/read-index-client.ts';
import { type NodeConfig, readMasterConfig, readSecondaryConfig } from './config.ts';
import { type DriverConfig, NodeDriver } from './driver.ts';
import { configOrExit, startNode } from './lifecycle.ts';
import { isMember, readMemberConfig } from './member-config.ts';
import { seededRandom } from './random.ts';
import { provideThreads } from './threads.ts';

type Environment = NodeJS.ProcessEnv;

const NO_FAULTS = { delayMs: 0, errorRate: 0, errorAfterApplyRate: 0 };

/** Starts the node that the environment describes; `kind` counts without `MEMBERS` only. */
export async function startFrom(kind: 'master' | 'secondary', env: Environment): Promise<void> {
  if (isMember(env)) await startMember(env);
  else if (kind === 'master') await startMaster(env);
  else await startSecondary(env);
}

async function startMaster(env: Environment): Promise<void> {
  const config = configOrExit(() => readMasterConfig(env, process.stdout.isTTY));
  const { secondaries, heartbeat } = config.core;
  provideThreads(secondaries.filter(({ url }) => nameIn(url) !== null).length, env);
  const master = { ...config.core, newLogId: randomUUID() };
  const core = { ...identityOf(config), faults: NO_FAULTS, master, election: null };
  const options = { ...config, master: { ...config, secondaries, heartbeat }, masterLength: null };
  await run(config, { core, clusterToken: config.clusterToken }, () => options, {
    secondaries: secondaries.map(({ id, url }) => `${id}=${url}`),
  });
}

async function startSecondary(env: Environment): Promise<void> {
  const config = configOrExit(() => readSecondaryConfig(env, process.stdout.isTTY));
  const { faults, faultInjection, clusterToken } = config;
  const faultSeed = config.faultSeed ?? randomInt(2 ** 32);
  const core = { ...identityOf(config), faults, master: null, election: null };
  const driver = { core, clusterToken, faultRandom: seededRandom(faultSeed) };
  const options = { ...config, master: null, masterLength: null };
  await run(config, driver, () => options, {
    bootId: core.bootId,
    ...(faultInjection ? { faults, faultSeed } : {}),
  });
}

async function startMember(env: Environment): Promise<void> {
  const config = configOrExit(() => readMemberConfig(env, process.stdout.isTTY));
  const { faults, faultInjection, clusterToken, election, core: settings } = config;
  const { secondaries, heartbeat } = settings;
  provideThreads(secondaries.filter(({ url }) => nameIn(url) !== null).length, env);
  const faultSeed = config.faultSeed ?? randomInt(2 ** 32);
  const master = { ...settings, newLogId: randomUUID() };
  const core = { ...identityOf(config), faults, master, election };
  const driver = { core, clusterToken, faultRandom: seededRandom(faultSeed) };
  const optionsFor = (node: NodeDriver) => ({
    ...config,
    master: { ...config, secondaries, heartbeat },
    masterLength: (timeoutMs: number) => askMasterLength(node, clusterToken, timeoutMs),
  });
  await run(config, driver, optionsFor, {
    bootId: core.bootId,
    members: election.members.map(({ id, url }) => `${id}=${url}`),
    ...(faultInjection ? { faults, faultSeed } : {}),
  });
}

/** The names of this run of a node. */
function identityOf({ nodeId }: NodeConfig) {
  return { nodeId, bootId: randomUUID(), drawWriter };
}

/**
 * Draws the name of a candidacy. It begins with the time, so that of two with the same epoch the later one is the newer.
 * A prepare of a dead master that arrives late then does not fence the running one.
 */
function drawWriter(): string {
  return `${Date.now().toString(36)}-${randomUUID().slice(0, 8)}`;
}

async function run(
  config: NodeConfig & { readonly membersText?: string },
  driverConfig: DriverConfig,
  optionsFor: (driver: NodeDriver) => RoutesOptions,
  facts: object,
): Promise<void> {
  await startNode(config, (logger, replica) => {
    const driver = new NodeDriver(driverConfig, logger, replica);
    return { driver, routes: nodeRoutes(driver, optionsFor(driver)), facts };
  });
}
