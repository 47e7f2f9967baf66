/** The master's process: config -> core -> driver -> server -> lifecycle; wiring only. */
import { randomUUID } from 'node:crypto';
import { masterRoutes } from './lib/http/master-routes.ts';
import { createServer } from './lib/http/server.ts';
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

const config = configOrExit(() => readMasterConfig(process.env, process.stdout.isTTY));
const logger = new Logger(config.nodeId, config.logLevel, config.logFormat);
surviveDefects(logger);

const core = { ...config.core, logId: randomUUID(), epoch: 1 };
const driver = new MasterDriver(core, config.clusterToken, logger);
const server = createServer({
  routes: masterRoutes(driver, config),
  apiToken: config.apiToken,
  clusterToken: config.clusterToken,
  logger,
});

stopOnSignals(server, logger, async () => {
  await driver.drain(DRAIN_MS);
  driver.close();
});
listen(server, config, logger, {
  logId: core.logId,
  epoch: core.epoch,
  secondaries: core.secondaries.map(({ id, url }) => `${id}=${url}`),
});
driver.start();
