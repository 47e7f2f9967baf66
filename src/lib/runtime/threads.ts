/**
 * The threads of libuv, which look up names and sync files. A look-up occupies one for as long as the name server is
 * silent, and all look-ups together at most half of them: so there are two threads for each name.
 */

/** The default of libuv. */
const THREADS = 4;
/** How many are added at most: more do not make the system's look-ups faster. */
const THREADS_MORE_MAX = 124;

/**
 * Sets `UV_THREADPOOL_SIZE` for this many names, unless it is set. It has no effect once a thread was used, as by the
 * loader that node 20 needs for the sources.
 */
export function provideThreads(names: number, environment: NodeJS.ProcessEnv): void {
  if (names === 0 || environment.UV_THREADPOOL_SIZE !== undefined) return;
  environment.UV_THREADPOOL_SIZE = String(THREADS + Math.min(2 * names, THREADS_MORE_MAX));
}
