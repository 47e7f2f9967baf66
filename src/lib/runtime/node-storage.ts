/** Opens a node's directory, if it has one, before anything else; ends the process with a message if that fails. */
import { type Journal, MEMORY } from '../core/log/journal.ts';
import type { Restored } from '../core/log/replica.ts';
import { EXIT_IO, StorageError } from '../storage/disk.ts';
import { openStorage } from '../storage/storage.ts';
import { EXIT_CONFIG, type NodeConfig } from './config.ts';
import type { Logger } from './logger.ts';

export interface NodeStorage {
  readonly journal: Journal;
  /** The log of an earlier run; null if there is none. */
  readonly restored: Restored | null;
  close(): Promise<void>;
}

/** The storage of a log in memory. */
const NOWHERE: NodeStorage = { journal: MEMORY, restored: null, close: async () => {} };

/** Opens `DATA_DIR`, if it is set. Calls `onSynced` whenever more of the log is durable. */
export async function storageOrExit(
  { dataDir, fsync, membersText = null }: NodeConfig & { readonly membersText?: string | null },
  logger: Logger,
  onSynced: () => void,
): Promise<NodeStorage> {
  if (dataDir === null) return NOWHERE;
  try {
    const storage = await openStorage(dataDir, {
      fsync,
      members: membersText,
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
    const kind = error.exitCode === EXIT_CONFIG ? 'configuration' : 'storage';
    process.stderr.write(`${kind}: ${error.message}\n`);
    process.exit(error.exitCode);
  }
}

/** Ends the process: after a failed sync only the next start can find out what the disk holds. */
function exitOnFailedSync(dataDir: string, logger: Logger, error: Error): void {
  logger.error('disk-failed', { dataDir, reason: error.message });
  process.exit(EXIT_IO);
}
