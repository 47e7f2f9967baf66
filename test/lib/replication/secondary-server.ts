/** A secondary's routes on a real socket, with a core that the test controls. */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { nodeRoutes } from '../../../src/lib/api/routes.ts';
import { type Journal, MEMORY } from '../../../src/lib/core/log/journal.ts';
import { packMessages } from '../../../src/lib/core/log/messages.ts';
import { Replica } from '../../../src/lib/core/log/replica.ts';
import type { Frame } from '../../../src/lib/core/protocol.ts';
import type { Secondary } from '../../../src/lib/core/secondary.ts';
import { createServer } from '../../../src/lib/http/server.ts';
import { NodeDriver } from '../../../src/lib/runtime/driver.ts';
import { Logger } from '../../../src/lib/runtime/logger.ts';

const NO_FAULTS = { delayMs: 0, errorRate: 0, errorAfterApplyRate: 0 };

export interface ServedSecondary {
  readonly url: string;
  readonly core: Secondary;
  /** Pushes a frame of log L, as a master does. */
  feed(epoch: number, from: number, texts: readonly string[], told?: Partial<Frame>): void;
  /** Stops, as a node does. */
  stop(): void;
}

/** Listens until the test is over. */
export async function serveSecondary(
  t: TestContext,
  {
    journal = MEMORY,
    clusterToken = null,
  }: { journal?: Journal; clusterToken?: string | null } = {},
): Promise<ServedSecondary> {
  const names = { nodeId: 's', bootId: 'B', drawWriter: () => 'W' };
  const core = { ...names, faults: NO_FAULTS, master: null, election: null };
  const logger = new Logger('s', 'error', 'json', () => {});
  const driver = new NodeDriver(
    { core, clusterToken, faultRandom: () => 0.5 },
    logger,
    new Replica(journal),
  );
  const { server } = createServer({
    routes: nodeRoutes(driver, {
      nodeId: 's',
      faultInjection: false,
      master: null,
      masterLength: null,
    }),
    apiToken: null,
    clusterToken,
    logger,
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const feed: ServedSecondary['feed'] = (epoch, from, texts, told = {}) => {
    const origin = { logId: 'L', epoch, writer: '', keys: [], epochs: null };
    const frame = { ...origin, from, messages: packMessages(texts), ...told };
    driver.receive(frame, () => {});
  };
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, core: driver.core.secondary, feed, stop: () => driver.close() };
}
