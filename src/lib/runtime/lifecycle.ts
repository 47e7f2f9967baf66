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

/** How long a stopping node goes on for clients that wait or read, in ms. */
export const DRAIN_MS = 5000;

/** Reads the configuration; on problems prints each on stderr and exits with 78. */
export function configOrExit<Settings>(read: () => Settings): Settings {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) process.stderr.write(`configuration: ${problem}\n`);
    process.exit(EXIT_CONFIG);
  }
}

/** What a role brings to its process. */
export interface NodeRole {
  readonly driver: NodeDriver;
  readonly routes: readonly Route[];
  /** What it says of itself, besides its address, in the line that it logs when it listens. */
  readonly facts: object;
}

/** Starts a node: opens its storage, gives it to the role, and serves the routes until a signal stops it. */
export async function startNode(
  config: NodeConfig,
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

/** Listens, and logs one line when it does; exits with 78 or 1 if the address cannot be had. */
function listen({ server }: NodeServer, config: NodeConfig, logger: Logger, fields: object): void {
  const { host, port, clusterToken } = config;
  server.once('error', (error: NodeJS.ErrnoException) => {
    // An address that this machine does not have is a problem of the configuration; one in use is not.
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
 * On SIGTERM or SIGINT: drains the driver, closes server and storage, exits with 0. A second signal exits at once
 * with 1.
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
    // Last: until now a request could still write.
    await storage.close();
    logger.info('stopped');
    process.exit(0);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

/**
 * Keeps the process alive when an unforeseen error escapes: it may hold the only copy of a message, and every step of
 * the core checks before it changes anything. The error is logged as a defect.
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
