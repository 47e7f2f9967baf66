/** What runs the programs that tests start. */

/**
 * The command that runs a source: what `RUNTIME` names, or this node, loading sources as this process does
 * (`--import tsx`, or nothing where node reads TypeScript itself).
 */
export const RUNTIME: readonly string[] = process.env.RUNTIME?.trim().split(/\s+/) ?? [
  process.execPath,
  ...importsOf(process.execArgv),
];

/** The loaders among the options of a node; not what makes it a test runner. */
function importsOf(options: readonly string[]): string[] {
  return options.flatMap((option, index) => {
    if (option.startsWith('--import=')) return [option];
    return options[index - 1] === '--import' ? ['--import', option] : [];
  });
}

/** What of this process's environment a program needs besides its own: to be found, covered, and quick to start. */
export function inherited(): NodeJS.ProcessEnv {
  const { PATH, NODE_V8_COVERAGE, NODE_COMPILE_CACHE } = process.env;
  return { PATH, NODE_V8_COVERAGE, NODE_COMPILE_CACHE };
}
