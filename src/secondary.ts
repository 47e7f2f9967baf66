/** The secondary's process: config -> core -> driver -> server -> lifecycle; wiring only. */
import { randomInt, randomUUID } from 'node:crypto';
import { secondaryRoutes } from './lib/api/secondary-routes.ts';
import { createServer } from './lib/http/server.ts';
import { readSecondaryConfig } from './lib/runtime/config.ts';
import { configOrExit, listen, stopOnSignals, surviveDefects } from './lib/runtime/lifecycle.ts';
import { Logger } from './lib/runtime/logger.ts';
import { storageOrExit } from './lib/runtime/node-storage.ts';
import { seededRandom } from './lib/runtime/random.ts';
import { SecondaryDriver } from './lib/runtime/secondary-driver.ts';

const config = configOrExit(() => readSecondaryConfig(process.env, process.stdout.isTTY));
const logger = new Logger(config.nodeId, config.logLevel, config.logFormat);
surviveDefects(logger);

const bootId = randomUUID();
const hashKey = [randomInt(2 ** 32), randomInt(2 ** 32)] as const;
const faultSeed = config.faultSeed ?? randomInt(2 ** 32);
const storage = await storageOrExit(config, logger, () => driver.synced());
const random = seededRandom(faultSeed);
const driver = new SecondaryDriver({ ...config, bootId, hashKey }, random, logger, storage);
const server = createServer({
  routes: secondaryRoutes(driver, config),
  apiToken: config.apiToken,
  clusterToken: config.clusterToken,
  logger,
});

stopOnSignals(server, logger, async () => driver.close(), storage.close);
listen(server, config, logger, {
  bootId,
  ...(config.faultInjection ? { faults: config.faults, faultSeed } : {}),
});
