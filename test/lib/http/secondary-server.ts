/** A secondary's routes on a real socket, its core in the hands of the test. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { Journal } from '../../../src/lib/core/journal.ts';
import { packMessages } from '../../../src/lib/core/messages.ts';
import type { Frame } from '../../../src/lib/core/protocol.ts';
import { Secondary } from '../../../src/lib/core/secondary.ts';
import type { SecondaryPort } from '../../../src/lib/http/ports.ts';
import { secondaryRoutes } from '../../../src/lib/http/secondary-routes.ts';
import { createServer } from '../../../src/lib/http/server.ts';

const NO_FAULTS = { delayMs: 0, errorRate: 0, errorAfterApplyRate: 0 };

export interface ServedSecondary {
  readonly url: string;
  readonly core: Secondary;
  /** A frame of log L enters, as one that a master has pushed. */
  feed(epoch: number, from: number, texts: readonly string[], told?: Partial<Frame>): void;
}

/** Listens until the test is over. */
export async function serveSecondary(
  t: TestContext,
  { journal, clusterToken = null }: { journal?: Journal; clusterToken?: string | null } = {},
): Promise<ServedSecondary> {
  const config = { nodeId: 's', bootId: 'B', faults: NO_FAULTS };
  const core = new Secondary(config, () => {}, journal);
  const port: SecondaryPort = {
    core,
    stopping: new AbortController().signal,
    heartbeat: (claim) => core.heartbeat(claim),
    receive: (frame, onAnswer) => core.receive(frame, [0.5, 0.5], 0, onAnswer),
    setFaults: (faults) => core.setFaults(faults),
  };
  const { server } = createServer({
    routes: secondaryRoutes(port, { nodeId: 's', faultInjection: false }),
    apiToken: null,
    clusterToken,
    logger: { debug: () => {}, error: () => {} },
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const feed: ServedSecondary['feed'] = (epoch, from, texts, told = {}) => {
    const origin = { logId: 'L', epoch, writer: null, keys: [], epochs: null };
    const frame = { ...origin, from, messages: packMessages(texts), ...told };
    core.receive(frame, [0.5, 0.5], 0, () => {});
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, core, feed };
}
