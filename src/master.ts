/** The master's process: config -> core -> driver -> server -> lifecycle; wiring only. */
import { randomInt, randomUUID } from 'node:crypto';
import { masterRoutes } from './lib/api/master-routes.ts';
import { createServer } from './lib/http/server.ts';
import { nameIn } from './lib/replication/peer-fetch.ts';
import { readMasterConfig } from './lib/runtime/config.ts';
import {
  configOrExit,
  DRAIN_MS,
  listen,
  stopOnSignals,
  surviveDefects,
} from './lib/runtime/lifecycle.ts';
import { Logger } from './lib/runtime/logger.ts';
import { MasterDriver } from './lib/runtime/master-driver.ts';
import { storageOrExit } from './lib/runtime/node-storage.ts';
import { provideThreads } from './lib/runtime/threads.ts';

const config = configOrExit(() => readMasterConfig(process.env, process.stdout.isTTY));
const logger = new Logger(config.nodeId, config.logLevel, config.logFormat);
surviveDefects(logger);
provideThreads(
  config.core.secondaries.filter(({ url }) => nameIn(url) !== null).length,
  process.env,
);

// The time comes first: of two incarnations that took the same epoch the later one is the newer, so that a
// prepare of a dead master, heard late, does not fence the one that runs.
const writer = `${Date.now().toString(36)}-${randomUUID().slice(0, 8)}`;
const hashKey = [randomInt(2 ** 32), randomInt(2 ** 32)] as const;
const core = { ...config.core, writer, newLogId: randomUUID(), hashKey };
const storage = await storageOrExit(config, logger, () => driver.synced());
const driver = new MasterDriver(core, config.clusterToken, logger, storage);
const server = createServer({
  routes: masterRoutes(driver, {
    ...config,
    secondaries: core.secondaries,
    heartbeat: core.heartbeat,
  }),
  apiToken: config.apiToken,
  clusterToken: config.clusterToken,
  logger,
});

const drain = async () => {
  await driver.drain(DRAIN_MS);
  driver.close();
};
stopOnSignals(server, logger, drain, storage.close);
listen(server, config, logger, {
  secondaries: core.secondaries.map(({ id, url }) => `${id}=${url}`),
});
driver.start();
