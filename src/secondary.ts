/** The process of a secondary: reads its configuration and wires its parts. */
import { randomInt, randomUUID } from 'node:crypto';
import { secondaryRoutes } from './lib/api/routes.ts';
import { readSecondaryConfig } from './lib/runtime/config.ts';
import { configOrExit, startNode } from './lib/runtime/lifecycle.ts';
import { seededRandom } from './lib/runtime/random.ts';
import { SecondaryDriver } from './lib/runtime/secondary-driver.ts';

const config = configOrExit(() => readSecondaryConfig(process.env, process.stdout.isTTY));

await startNode(config, (logger, replica) => {
  const bootId = randomUUID();
  const { faults } = config;
  const faultSeed = config.faultSeed ?? randomInt(2 ** 32);
  const core = { ...config, bootId };
  const driver = new SecondaryDriver(core, seededRandom(faultSeed), logger, replica);
  return {
    driver,
    routes: secondaryRoutes(driver, config),
    facts: { bootId, ...(config.faultInjection ? { faults, faultSeed } : {}) },
  };
});
