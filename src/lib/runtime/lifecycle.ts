/** A node as a process: start, listen, stop by signal, exit codes. */
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Replica } from '../core/log/replica.ts';
import { createServer, type NodeServer, type Route } from '../http/server.ts';
import { ConfigError, EXIT_CONFIG, type NodeConfig } from './config.ts';
import type { NodeDriver } from './driver.ts';
import { Logger } from './logger.ts';
import { type NodeStorage, storageOrExit } from './node-storage.ts';
import { printableJson } from './printable.ts';
import { drawHashKey } from './random.ts';

/** How long a stopping node lets clients wait or read on, in ms. */
export const DRAIN_MS = 5000;

/** Reads the configuration; prints each problem on stderr and exits with 78 if there are any. */
export function configOrExit<Settings>(read: () => Settings): Settings {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) process.stderr.write(`configuration: ${problem}\n`);
    process.exit(EXIT_CONFIG);
  }
}

/** The parts of a process that depend on its role. */
interface NodeRole {
  readonly driver: NodeDriver;
  readonly routes: readonly Route[];
  /** Further fields of the log line `listening`. */
  readonly facts: object;
}

/** Starts a node: opens its storage, begins its role, and serves the routes until a signal stops the process. */
export async function startNode(
  config: NodeConfig & { readonly membersText?: string },
  begin: (logger: Logger, replica: Replica) => NodeRole,
): Promise<void> {
  const logger = new Logger(config.nodeId, config.logLevel, config.logFormat);
  surviveDefects(logger);
  const storage = await storageOrExit(config, logger, () => driver.synced());
  const replica = new Replica(storage.journal, storage.restored, drawHashKey());
  const { driver, routes, facts } = begin(logger, replica);
  const { apiToken, clusterToken } = config;
  const node = createServer({ routes, apiToken, clusterToken, logger });
  stopOnSignals(node, logger, driver, storage);
  listen(node, config, logger, facts);
  driver.start();
}

/** Listens, and logs a line when it does; exits with 78 or 1 if the address is not available. */
function listen({ server }: NodeServer, config: NodeConfig, logger: Logger, fields: object): void {
  const { host, port, clusterToken } = config;
  server.once('error', (error: NodeJS.ErrnoException) => {
    // An address that this machine does not have is an error of the configuration; an address in use is not.
    if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') {
      const problem = `HOST must be an address of this machine (${error.code})`;
      process.stderr.write(`configuration: ${problem}; got ${printableJson(host)}\n`);
      process.exit(EXIT_CONFIG);
    }
    logger.error('listen-failed', { host, port, reason: error.message });
    process.exit(1);
  });
  server.listen(port, host, () => {
    const { port: actual } = server.address() as AddressInfo;
    const name = host.includes(':') ? `[${host}]` : host;
    logger.announce('listening', { url: `http://${name}:${actual}`, port: actual, ...fields });
    if (clusterToken === null && !isLoopback(host)) {
      logger.warn('no-cluster-token', {
        host,
        advice:
          'ANYONE WHO REACHES THIS ADDRESS CAN WRITE TO THE LOG: set CLUSTER_TOKEN on all nodes',
      });
    }
  });
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}

/**
 * On SIGTERM or SIGINT: drains the driver, closes server and storage, and exits with 0. A second signal exits with 1
 * at once.
 */
function stopOnSignals(
  { server, connections }: NodeServer,
  logger: Logger,
  driver: NodeDriver,
  storage: NodeStorage,
): void {
  let isStopping = false;
  const stop = async (signal: NodeJS.Signals) => {
    if (isStopping) process.exit(1);
    isStopping = true;
    logger.info('stopping', { signal });
    const deadline = sleep(DRAIN_MS);
    await driver.drain(DRAIN_MS);
    driver.close();
    server.close();
    await Promise.race([connections.idle(), deadline]);
    server.closeAllConnections();
    // The storage is closed last, because requests may write until now.
    await storage.close();
    logger.info('stopped');
    process.exit(0);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

/**
 * Logs an uncaught error as a defect and keeps the process alive: it may hold the only copy of a message. Its state is
 * still consistent, because every step of the core checks before it changes anything.
 */
function surviveDefects(logger: Logger): void {
  const report = (error: unknown) => {
    logger.error('defect', { stack: error instanceof Error ? error.stack : String(error) });
  };
  process.on('uncaughtException', report);
  process.on('unhandledRejection', report);
  // A closed pipe for the log must not end the node.
  process.stdout.on('error', () => {});
}
