/**
 * Threads of libuv, on which names are looked up and files are synced. A look-up takes one for as long as a
 * name server is silent, and all look-ups together at most half of them: enough for each peer to hang.
 */

/** What libuv has by itself. */
const THREADS = 4;
/** So many more are made at most: the system's look-ups are no faster by more. */
const THREADS_MORE_MAX = 124;

/**
 * Provides for that many names, unless `UV_THREADPOOL_SIZE` says how many threads there are. It comes too late
 * when something has used them: node 20 needs a loader for the sources, which does.
 */
export function provideThreads(names: number, environment: NodeJS.ProcessEnv): void {
  if (names === 0 || environment.UV_THREADPOOL_SIZE !== undefined) return;
  environment.UV_THREADPOOL_SIZE = String(THREADS + Math.min(2 * names, THREADS_MORE_MAX));
}
