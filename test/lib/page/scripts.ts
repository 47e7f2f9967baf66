/** Runs scripts of the page alone, with fakes of what they use of other scripts and of the browser. */
import { readFileSync } from 'node:fs';
import { createContext, runInContext } from 'node:vm';

/** Runs these scripts in one scope; returns a function that evaluates code in it. */
export function scripts(names: readonly string[], globals: object): (code: string) => unknown {
  const context = createContext(globals);
  for (const name of names) {
    const url = new URL(`../../../src/lib/page/${name}`, import.meta.url);
    runInContext(readFileSync(url, 'utf8'), context);
  }
  return (code) => runInContext(code, context);
}

/** The document element of the page, with these attributes. */
export function documentOf(dataset: Record<string, string>): object {
  return { documentElement: { dataset } };
}

/** Until all that is already resolved has been handled. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
