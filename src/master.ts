/** The process of a master: reads its configuration and wires its parts. */
import { randomUUID } from 'node:crypto';
import { masterRoutes } from './lib/api/routes.ts';
import { nameIn } from './lib/replication/peer-fetch.ts';
import { readMasterConfig } from './lib/runtime/config.ts';
import { configOrExit, startNode } from './lib/runtime/lifecycle.ts';
import { MasterDriver } from './lib/runtime/master-driver.ts';
import { provideThreads } from './lib/runtime/threads.ts';

const config = configOrExit(() => readMasterConfig(process.env, process.stdout.isTTY));
const { secondaries, heartbeat } = config.core;
provideThreads(secondaries.filter(({ url }) => nameIn(url) !== null).length, process.env);

await startNode(config, (logger, replica) => {
  // The name begins with the time, so that of two incarnations with the same epoch the later one is the newer. A
  // prepare of a dead master that arrives late then does not fence the running one.
  const writer = `${Date.now().toString(36)}-${randomUUID().slice(0, 8)}`;
  const core = { ...config.core, writer, newLogId: randomUUID() };
  const driver = new MasterDriver(core, config.clusterToken, logger, replica);
  return {
    driver,
    routes: masterRoutes(driver, { ...config, secondaries, heartbeat }),
    facts: { secondaries: secondaries.map(({ id, url }) => `${id}=${url}`) },
  };
});
