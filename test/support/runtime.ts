/** The runtime of the programs that tests start. */

/**
 * The command that runs a source: `RUNTIME`, or this node with the loaders of this process
 * (`--import tsx`, or nothing where node reads TypeScript itself).
 */
export const RUNTIME: readonly string[] = process.env.RUNTIME?.trim().split(/\s+/) ?? [
  process.execPath,
  ...importsOf(process.execArgv),
];

/** The loaders among the options of a node, without those of the test runner. */
function importsOf(options: readonly string[]): string[] {
  return options.flatMap((option, index) => {
    if (option.startsWith('--import=')) return [option];
    return options[index - 1] === '--import' ? ['--import', option] : [];
  });
}

/** The variables that a program inherits: its path, and those for coverage and a quick start. */
export function inherited(): NodeJS.ProcessEnv {
  const { PATH, NODE_V8_COVERAGE, NODE_COMPILE_CACHE } = process.env;
  return { PATH, NODE_V8_COVERAGE, NODE_COMPILE_CACHE };
}
