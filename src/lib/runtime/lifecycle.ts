/** The incarnation of a process around its server: start, listen, stop by signal, exit codes. */
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeServer } from '../http/server.ts';
import { ConfigError, EXIT_CONFIG, type NodeConfig } from './config.ts';
import type { Logger } from './logger.ts';

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

/** Listens, and logs one line when it does; exits with 78 or 1 if the address cannot be had. */
export function listen(
  { server }: NodeServer,
  config: NodeConfig,
  logger: Logger,
  fields: object,
): void {
  const { host, port, clusterToken } = config;
  server.once('error', (error: NodeJS.ErrnoException) => {
    // An address that is none of this machine is a mistake in the configuration; one in use is not.
    if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') {
      const problem = `HOST must be an address of this machine (${error.code})`;
      process.stderr.write(`configuration: ${problem}; got ${JSON.stringify(host)}\n`);
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
 * On SIGTERM or SIGINT: runs `drain`, closes the server, runs `close`, exits with 0. A second signal exits at
 * once with 1.
 */
export function stopOnSignals(
  { server, connections }: NodeServer,
  logger: Logger,
  drain: () => Promise<void>,
  close: () => Promise<void>,
): void {
  let isStopping = false;
  const stop = async (signal: NodeJS.Signals) => {
    if (isStopping) process.exit(1);
    isStopping = true;
    logger.info('stopping', { signal });
    const deadline = sleep(DRAIN_MS);
    await drain();
    server.close();
    await Promise.race([connections.idle(), deadline]);
    server.closeAllConnections();
    // Last, when nothing can be written any more.
    await close();
    logger.info('stopped');
    process.exit(0);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

/**
 * Keeps the process when something unforeseen escapes: it may hold the only copy of a message, and
 * every step of the core checks before it changes. Loud, because it is always a defect.
 */
export function surviveDefects(logger: Logger): void {
  const report = (error: unknown) => {
    logger.error('defect', { stack: error instanceof Error ? error.stack : String(error) });
  };
  process.on('uncaughtException', report);
  process.on('unhandledRejection', report);
  // A log nobody reads any more must not end the node.
  process.stdout.on('error', () => {});
}
