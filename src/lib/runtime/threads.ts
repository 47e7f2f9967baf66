/**
 * The threads of libuv, which look up names and sync files. A look-up occupies a thread for as long as the name server
 * is silent. Look-ups may use at most half of the threads, so there are two for each name.
 */

/** The default of libuv. */
const THREADS = 4;
/** The most threads that are added: with more the system's look-ups are no faster. */
const THREADS_MORE_MAX = 124;

/**
 * Sets `UV_THREADPOOL_SIZE` for this many names, unless it is set. It has no effect once a thread was used, as happens
 * with the loader that node 20 needs for the sources.
 */
export function provideThreads(names: number, environment: NodeJS.ProcessEnv): void {
  if (names === 0 || environment.UV_THREADPOOL_SIZE !== undefined) return;
  environment.UV_THREADPOOL_SIZE = String(THREADS + Math.min(2 * names, THREADS_MORE_MAX));
}
