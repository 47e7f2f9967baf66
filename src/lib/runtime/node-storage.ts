/** Opens a node's directory, if it has one, before anything else; ends the process and says why if it cannot. */
import { type Journal, MEMORY } from '../core/log/journal.ts';
import type { Restored } from '../core/log/replica.ts';
import { EXIT_IO, StorageError } from '../storage/disk.ts';
import { openStorage } from '../storage/storage.ts';
import type { NodeConfig } from './config.ts';
import type { Logger } from './logger.ts';

export interface NodeStorage {
  readonly journal: Journal;
  /** What an earlier run has stored; null if nothing. */
  readonly restored: Restored | null;
  close(): Promise<void>;
}

/** No directory: the log lives in memory. */
const NOWHERE: NodeStorage = { journal: MEMORY, restored: null, close: async () => {} };

/** Opens `DATA_DIR`; without one the log lives in memory. `onSynced`: more of it has become durable. */
export async function storageOrExit(
  { dataDir, fsync }: NodeConfig,
  logger: Logger,
  onSynced: () => void,
): Promise<NodeStorage> {
  if (dataDir === null) return NOWHERE;
  try {
    const storage = await openStorage(dataDir, {
      fsync,
      onSynced,
      onFailed: (error) => exitOnFailedSync(dataDir, logger, error),
    });
    const { restored, dropped } = storage;
    if (dropped !== null) logger.warn('torn-tail-dropped', { dataDir, ...dropped });
    const { logId = null, log, ballot } = restored ?? {};
    logger.info('log-loaded', { dataDir, fsync, logId, length: log?.length, epoch: ballot?.epoch });
    return storage;
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    process.stderr.write(`storage: ${error.message}\n`);
    process.exit(error.exitCode);
  }
}

/** After a failed sync it is unknown what the disk holds: the next start reads it. */
function exitOnFailedSync(dataDir: string, logger: Logger, error: Error): void {
  logger.error('disk-failed', { dataDir, reason: error.message });
  process.exit(EXIT_IO);
}
