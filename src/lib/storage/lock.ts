/**
 * One process to a directory. The lock is a listening Unix domain socket in it: the kernel knows
 * whether somebody listens, so a killed holder holds nothing, a stopped one still does, and no process
 * id can be mistaken for another's, not even across containers that share the directory.
 *
 * Every process listens on a socket of its own, under a name nobody uses twice, and only then looks
 * for others. Of two that start together at least one sees the other; so there are never two holders,
 * and no file is ever taken away from under a living one. Only the holder removes what the dead left.
 */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as net from 'node:net';
import { codeOf, EXIT_CANNOT_WRITE, EXIT_IN_USE, StorageError } from './disk.ts';

/** The name of a process's socket. */
const LOCK_NAME = /^lock-[0-9a-f]{16}\.sock$/;
/** The kernel takes no longer socket path: 108 bytes on Linux, 104 elsewhere, with a zero. */
const SOCKET_PATH_BYTES_MAX = 103;
/** Processes that start in the same moment may all step back; so often each tries again. */
const ATTEMPTS = 5;
const PAUSE_MS_MAX = 50;

/** A holder that is stopped accepts nobody; so many may ask before the kernel turns them away. */
const BACKLOG = 4096;

export interface Lock {
  /** Lets another process have the directory. */
  release(): Promise<void>;
}

/** Takes the directory for this process. Throws a `StorageError` if another one has it. */
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

/** The directory as a socket path may name it; `fd` is open on it. */
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
  // Before it listened, a holder may have taken this socket for a dead one's and removed it.
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

/** Which other processes have, or had, a socket in the directory. */
async function othersIn(directory: string, place: string, own: string) {
  const dead: string[] = [];
  for (const name of fs.readdirSync(directory)) {
    if (!LOCK_NAME.test(name) || name === own) continue;
    if (await isListening(`${place}/${name}`)) return { someoneLives: true, dead };
    dead.push(name);
  }
  return { someoneLives: false, dead };
}

/** Listens at `path`; says nothing to whoever connects, and keeps no process alive. */
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
 * Whether a process listens at `path`. Only a refusal proves that none does; a full queue or a lack of
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
    // Somebody else did it.
  }
}
