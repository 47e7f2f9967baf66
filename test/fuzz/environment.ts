/**
 * The environment: with any content, a node starts or names every problem, each in one line that
 * begins with the variable, and never shows a token. A few as real processes: exit code 78 or running.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  ConfigError,
  readMasterConfig,
  readSecondaryConfig,
} from '../../src/lib/runtime/config.ts';
import { NodeProcess } from '../support/cluster.ts';
import { number, text } from './arbitraries.ts';
import { type Property, processes, pure } from './property.ts';

const TOKEN = 'never-to-be-shown-anywhere';

/** Values of each variable that are valid, or nearly so. */
const VARIABLES: Record<string, readonly string[]> = {
  HOST: ['127.0.0.1', '::1', 'localhost', '0.0.0.0', '300.1.1.1', 'no such', 'http://x'],
  PORT: ['0', '8080', '65535', '65536', '6000', '-1', '-0', '080', '1e3', '0x50', ' 0 '],
  NODE_ID: ['master', 's1', '[::1]:8081', 'a b', 'x'.repeat(101), 'é'],
  SECONDARIES: [
    'http://127.0.0.1:8081',
    's1=http://127.0.0.1:8081,s2=http://[::1]:8082',
    's1=http://a:1,s1=http://b:2,,',
    'http://user:secret@a:8081',
    'https://a:8081',
    'a:8081',
    'master=http://a:8081',
    'http://a:0',
    'x=http://a:6000',
    's{1..3}=http://s{1..3}:8081',
    's{1..999}=http://s{1..998}:8081',
  ],
  DEFAULT_W: ['1', '2', 'all', 'majority', '0', 'ALL', '99999999999'],
  QUORUM_APPEND: ['true', 'false', 'TRUE', '1', 'yes'],
  HEARTBEAT_INTERVAL_MS: ['1', '1000', '0', '2147483648'],
  HEARTBEAT_TIMEOUT_MS: ['1', '2147483647', '1.5'],
  SUSPECTED_AFTER_MISSES: ['1', '3', '9'],
  UNHEALTHY_AFTER_MISSES: ['1', '3', '0'],
  REPLICATION_TIMEOUT_MS: ['1', '10000', 'soon'],
  BACKOFF_BASE_MS: ['1', '50', '6000'],
  BACKOFF_MAX_MS: ['1', '5000', 'NaN'],
  RECOVERY_TIMEOUT_MS: ['1', '1000', 'Infinity'],
  FSYNC: ['always', 'never', 'sometimes'],
  CLUSTER_TOKEN: [TOKEN, `${TOKEN} `, `${TOKEN}\u0007`, 'short'],
  API_TOKEN: [TOKEN, `a ${TOKEN}`, 'x'],
  MAX_MESSAGE_BYTES: ['1', '10485760', '10485761'],
  MAX_LOG_BYTES: ['0', '9007199254740991', '9007199254740992'],
  MAX_WAITING: ['0', '10000', '1000001'],
  FAULT_INJECTION: ['true', 'false', 'on'],
  FAULT_DELAY_MS: ['0', '100', '2147483648'],
  FAULT_ERROR_RATE: ['0', '1', '0.5', '.5', '1.', '1e-3', '2', `${'1'.repeat(50_000)}x`],
  FAULT_ERROR_AFTER_APPLY_RATE: ['0', '1', '-0', '0.5'],
  FAULT_SEED: ['1', '0', '-5', '9007199254740993'],
  LOG_LEVEL: ['debug', 'info', 'warn', 'error', 'DEBUG'],
  LOG_FORMAT: ['pretty', 'json', 'xml'],
};

const variable = (name: string) =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...(VARIABLES[name] as string[])) },
    { weight: 1, arbitrary: fc.oneof(text, number.map(String)) },
  );

/** Some of the variables, most of them not set. */
const environment = fc
  .subarray(Object.keys(VARIABLES), { maxLength: 6 })
  .chain((names) => fc.record(Object.fromEntries(names.map((name) => [name, variable(name)]))));

const names = Object.keys(VARIABLES).join('|');
const line = new RegExp(`^(?:${names}) [^\\p{Cc}]+$`, 'u');

function problemsOf(read: () => object): readonly string[] {
  try {
    read();
    return [];
  } catch (error) {
    assert(error instanceof ConfigError, `not a problem of the configuration: ${error}`);
    assert(error.problems.length > 0);
    return error.problems;
  }
}

function checkEnvironment(environment: Record<string, string>): void {
  const begin = performance.now();
  for (const read of [readMasterConfig, readSecondaryConfig]) {
    const problems = problemsOf(() => read(environment, false));
    for (const problem of problems) {
      assert.match(problem, line);
      assert(!problem.includes(TOKEN) && !problem.includes('user:secret'), problem);
    }
    if (problems.length > 0) continue;
    const { port, host, nodeId } = read(environment, false);
    assert(Number.isSafeInteger(port) && !Object.is(port, -0) && port >= 0 && port < 65_536);
    assert(host !== '' && nodeId !== '');
    // Valid values give the same settings again, and no setting exceeds what a timer or a sum can hold.
    assert.deepEqual(read(environment, false), read(environment, false));
    const flat = JSON.stringify(read(environment, false), (_, value) => {
      assert(typeof value !== 'number' || (Number.isFinite(value) && value >= 0), String(value));
      return value;
    });
    assert(!flat.includes('null,null'));
  }
  assert(performance.now() - begin < 1000, 'it takes long');
}

/** Starts a node; resolves when it listens, or has ended with 78 and an explanation. */
async function startOrExit([entry, environment]: ['master' | 'secondary', object]): Promise<void> {
  const clean = Object.entries(environment).filter(([, value]) => !String(value).includes('\0'));
  const node = new NodeProcess(entry, {
    ...Object.fromEntries(clean),
    PORT: 0,
    LOG_FORMAT: 'json',
  });
  const outcome = await node.listening().catch((error: Error) => error);
  if (outcome instanceof Error) {
    assert.equal(await node.exited(), 78, node.stderr);
    for (const text of node.stderr.trimEnd().split('\n')) assert.match(text, /^configuration: /);
  } else assert.equal(await node.stop(), 0);
  assert(!`${node.stderr}${JSON.stringify(node.log)}`.includes(TOKEN));
}

export const environmentProperties: readonly Property[] = [
  pure('environments', 0.0997, environment, checkEnvironment),
  processes(
    'environments of processes',
    0.0003,
    fc.tuple(fc.constantFrom('master' as const, 'secondary' as const), environment),
    async () => ({ check: startOrExit, stop: async () => {} }),
  ),
];
