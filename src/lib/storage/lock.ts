/**
 * Locks a directory for one process. The lock is a Unix domain socket in the directory on which the process listens.
 * The kernel knows whether a process listens: a killed holder has lost the lock, a stopped one still has it. Process
 * ids are not involved, so it also works across containers that share the directory.
 *
 * Every process listens on a socket of its own, with a unique name, and then looks for the sockets of others. Of two
 * that start together at least one sees the other and gives up, so there are never two holders. Only the holder
 * removes the sockets of dead processes.
 */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as net from 'node:net';
import { codeOf, EXIT_CANNOT_WRITE, EXIT_IN_USE, StorageError } from './disk.ts';

/** The name of a process's socket. */
const LOCK_NAME = /^lock-[0-9a-f]{16}\.sock$/;
/** The longest socket path of the kernel: 108 bytes on Linux, 104 elsewhere, with a zero byte. */
const SOCKET_PATH_BYTES_MAX = 103;
/** Processes that start at the same moment may all give up; each makes so many attempts. */
const ATTEMPTS = 5;
const PAUSE_MS_MAX = 50;
/** A stopped holder accepts no connection; so many may connect before the kernel refuses one. */
const BACKLOG = 4096;

interface Lock {
  /** Gives the directory up for other processes. */
  release(): Promise<void>;
}

/** Locks the directory for this process. Throws a `StorageError` if another process has it. */
export async function lockDirectory(directory: string): Promise<Lock> {
  const fd = fs.openSync(directory, 'r');
  try {
    const place = socketPlace(directory, fd);
    for (let attempt = 1; ; attempt += 1) {
      const lock = await tryLock(directory, place, fd);
      if (lock !== null) return lock;
      if (attempt === ATTEMPTS) break;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * PAUSE_MS_MAX));
    }
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
  fs.closeSync(fd);
  throw new StorageError(EXIT_IN_USE, `${directory}: is in use by another process`);
}

/** A path of the directory that is short enough for a socket; `fd` is open on the directory. */
function socketPlace(directory: string, fd: number): string {
  const name = `lock-${'0'.repeat(16)}.sock`;
  if (Buffer.byteLength(`${directory}/${name}`) <= SOCKET_PATH_BYTES_MAX) return directory;
  const place = `/proc/self/fd/${fd}`;
  if (fs.existsSync(place)) return place;
  const bytesMax = SOCKET_PATH_BYTES_MAX - name.length - 1;
  throw new StorageError(
    EXIT_CANNOT_WRITE,
    `${directory}: its path is longer than the ${bytesMax} bytes that the lock's socket allows here`,
  );
}

async function tryLock(directory: string, place: string, fd: number): Promise<Lock | null> {
  if ((await othersIn(directory, place, '')).someoneLives) return null;
  const name = `lock-${randomBytes(8).toString('hex')}.sock`;
  const server = await listen(directory, `${place}/${name}`);
  const release = async (): Promise<void> => {
    removeSocket(`${directory}/${name}`);
    await new Promise((resolve) => server.close(resolve));
  };
  const others = await othersIn(directory, place, name);
  // Before this process listened, a holder may have removed the socket as that of a dead process.
  if (others.someoneLives || !fs.existsSync(`${directory}/${name}`)) {
    await release();
    return null;
  }
  for (const dead of others.dead) removeSocket(`${directory}/${dead}`);
  return {
    release: async () => {
      await release();
      fs.closeSync(fd);
    },
  };
}

/** Looks for the sockets of other processes: whether one is alive, and the names of dead ones. */
async function othersIn(directory: string, place: string, own: string) {
  const dead: string[] = [];
  for (const name of fs.readdirSync(directory)) {
    if (!LOCK_NAME.test(name) || name === own) continue;
    if (await isListening(`${place}/${name}`)) return { someoneLives: true, dead };
    dead.push(name);
  }
  return { someoneLives: false, dead };
}

/** Listens at `path`; closes every connection at once, and does not keep the process alive. */
async function listen(directory: string, path: string): Promise<net.Server> {
  const server = net.createServer((socket) => socket.destroy());
  server.unref();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ path, backlog: BACKLOG }, resolve);
    });
  } catch (error) {
    throw new StorageError(
      EXIT_CANNOT_WRITE,
      `${directory}: cannot be locked by a Unix domain socket in it: ${codeOf(error)}`,
    );
  }
  server.on('error', () => {});
  return server;
}

/**
 * Whether a process may listen at `path`. Only a refused connection proves that none does; a full queue or a lack of
 * permission does not.
 */
function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => {
      resolve(!['ECONNREFUSED', 'ENOENT'].includes(codeOf(error)));
    });
  });
}

function removeSocket(path: string): void {
  try {
    fs.unlinkSync(path);
  } catch {
    // Another process has removed it.
  }
}
