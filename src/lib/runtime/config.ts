/**
 * Reads the configuration from environment variables and checks all of it before anything starts. Each problem is
 * one line with the variable, the rule and the value. An empty variable counts as unset, because compose files pass
 * unset variables as empty ones.
 */

import type { WriteConcern } from '../core/concerns/write-concern.ts';
import type { MasterConfig } from '../core/master.ts';
import type { Faults } from '../core/secondary.ts';
import {
  FRAME_LINE_BYTES_MAX,
  frameLineBytesMax,
  MESSAGE_BYTES_CEILING,
  TIMER_MS_MAX,
} from '../http/limits.ts';
import { isRefusedPort, REFUSED_PORT_RULE } from '../http/refused-ports.ts';
import { FAULT_DELAY_MS_MAX } from '../wire/faults.ts';
import { LOG_LEVELS, type LogFormat, type LogLevel } from './logger.ts';
import { printableJson } from './printable.ts';

/** sysexits.h EX_CONFIG. */
export const EXIT_CONFIG = 78;
export const CLUSTER_TOKEN_LENGTH_MIN = 16;

type Environment = Readonly<Record<string, string | undefined>>;

/** All problems of an environment, one line each. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/** The settings of every node. */
export interface NodeConfig {
  readonly host: string;
  readonly port: number;
  readonly nodeId: string;
  /** The directory of the log; null for a log in memory. */
  readonly dataDir: string | null;
  readonly fsync: 'always' | 'never';
  readonly clusterToken: string | null;
  readonly apiToken: string | null;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

/** The core's configuration as a master, without the names that each incarnation draws at its start. */
type MasterCore = Omit<
  MasterConfig,
  'writer' | 'newLogId' | 'election' | 'isElection' | 'handover'
>;

interface MasterSettings extends NodeConfig {
  readonly core: MasterCore;
  readonly defaultW: WriteConcern;
  readonly messageBytesMax: number;
  /** Whether it passes faults on to its secondaries. */
  readonly faultInjection: boolean;
}

interface SecondarySettings extends NodeConfig {
  readonly faultInjection: boolean;
  /** All zero without fault injection. */
  readonly faults: Faults;
  /** Null for a random one. */
  readonly faultSeed: number | null;
}

/** The most nodes in one range of `SECONDARIES`, so that a typing error does not name a million. */
const RANGE_LENGTH = 100;
const NODE_ID_PATTERN = /^[A-Za-z0-9._:[\]-]{1,100}$/;

/** Reads variables and collects their problems. */
export class Reader {
  readonly problems: string[] = [];
  readonly #environment: Environment;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  text(name: string): string | null {
    const value = this.#environment[name]?.trim();
    return value === undefined || value === '' ? null : value;
  }

  problem(name: string, rule: string, got: string): void {
    // JSON keeps a value of several lines on one. A password in a URL is hidden.
    const shown = got.replace(/(:\/\/[^/@:]*:)[^/@]*@/g, '$1...@');
    this.problems.push(`${name} ${rule}; got ${printableJson(shown)}`);
  }

  integer(name: string, fallback: number, min: number, max: number): number {
    const text = this.text(name);
    if (text === null) return fallback;
    const value = /^(?:[0-9]{1,16}|-[1-9][0-9]{0,15})$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    this.problem(name, `must be an integer from ${min} to ${max}`, text);
    return fallback;
  }

  rate(name: string): number {
    const text = this.text(name);
    if (text === null) return 0;
    const value = /^(?:[0-9]+|[0-9]*\.[0-9]+)$/.test(text) ? Number(text) : Number.NaN;
    if (value >= 0 && value <= 1) return value;
    this.problem(name, 'must be a number from 0 to 1', text);
    return 0;
  }

  oneOf<Value extends string>(name: string, values: readonly Value[], fallback: Value): Value {
    const text = this.text(name);
    if (text === null) return fallback;
    if ((values as readonly string[]).includes(text)) return text as Value;
    this.problem(name, `must be one of ${values.join(', ')}`, text);
    return fallback;
  }

  flag(name: string, fallback: boolean): boolean {
    return this.oneOf(name, ['true', 'false'], fallback ? 'true' : 'false') === 'true';
  }

  /** A bearer token; its value never appears in a problem. */
  token(name: string, lengthMin: number): string | null {
    const text = this.text(name);
    if (text === null) return null;
    if (!/^[\x21-\x7e]+$/.test(text)) {
      this.problems.push(`${name} must be printable ASCII without spaces`);
    }
    if (text.length < lengthMin) {
      this.problems.push(`${name} must have at least ${lengthMin} characters; got ${text.length}`);
    }
    return text;
  }

  /** The result, or all problems at once. */
  finish<Settings>(settings: Settings): Settings {
    if (this.problems.length > 0) throw new ConfigError(this.problems);
    return settings;
  }
}

/** The configuration of a master. Throws a `ConfigError` with every problem. */
export function readMasterConfig(environment: Environment, isTerminal: boolean): MasterSettings {
  const reader = new Reader(environment);
  const node = readNode(reader, { port: 8080, id: () => 'master' }, isTerminal);
  const secondaries = readNodes(reader, 'SECONDARIES');
  checkSecondaries(reader, secondaries, node.nodeId);
  // Invalid entries of SECONDARIES count as well, so that one problem does not cause another.
  const nodes = listed(reader, 'SECONDARIES').length + 1;
  const peers = secondaries.map(({ id, url }) => ({ id, url }));
  return reader.finish({
    ...node,
    ...readMasterSettings(reader, node.nodeId, peers, nodes, 'all'),
  });
}

/** What a node needs that is the master, or may become it. */
export function readMasterSettings(
  reader: Reader,
  nodeId: string,
  secondaries: MasterCore['secondaries'],
  nodes: number,
  defaultW: WriteConcern,
): Omit<MasterSettings, keyof NodeConfig> {
  const misses = 1_000_000;
  const settings = {
    core: {
      nodeId,
      secondaries,
      quorumAppend: reader.flag('QUORUM_APPEND', true),
      heartbeat: {
        intervalMs: reader.integer('HEARTBEAT_INTERVAL_MS', 1000, 1, TIMER_MS_MAX),
        timeoutMs: reader.integer('HEARTBEAT_TIMEOUT_MS', 1000, 1, TIMER_MS_MAX),
      },
      failureDetector: {
        suspectedAfterMisses: reader.integer('SUSPECTED_AFTER_MISSES', 1, 1, misses),
        unhealthyAfterMisses: reader.integer('UNHEALTHY_AFTER_MISSES', 3, 1, misses),
      },
      recoveryTimeoutMs: reader.integer('RECOVERY_TIMEOUT_MS', 1000, 1, TIMER_MS_MAX),
      replicationTimeoutMs: reader.integer('REPLICATION_TIMEOUT_MS', 10_000, 1, TIMER_MS_MAX),
      backoffBaseMs: reader.integer('BACKOFF_BASE_MS', 50, 1, TIMER_MS_MAX),
      backoffMaxMs: reader.integer('BACKOFF_MAX_MS', 5000, 1, TIMER_MS_MAX),
      logBytesMax: reader.integer('MAX_LOG_BYTES', 0, 0, Number.MAX_SAFE_INTEGER),
      waitingMax: reader.integer('MAX_WAITING', 10_000, 0, 1_000_000),
    },
    defaultW: readDefaultW(reader, nodes, defaultW),
    faultInjection: reader.flag('FAULT_INJECTION', false),
    messageBytesMax: reader.integer('MAX_MESSAGE_BYTES', 1024 * 1024, 1, MESSAGE_BYTES_CEILING),
  };
  checkOrder(reader, settings.core);
  checkSizes(reader, settings.messageBytesMax);
  return settings;
}

/** The configuration of a secondary. Throws a `ConfigError` with every problem. */
export function readSecondaryConfig(
  environment: Environment,
  isTerminal: boolean,
): SecondarySettings {
  const reader = new Reader(environment);
  const node = readNode(reader, { port: 8081, id: (port) => `secondary-${port}` }, isTerminal);
  return reader.finish({ ...node, ...readFaultSettings(reader) });
}

/** The artificial faults of a node that takes frames. */
export function readFaultSettings(reader: Reader): Omit<SecondarySettings, keyof NodeConfig> {
  const faultInjection = reader.flag('FAULT_INJECTION', false);
  const faults = {
    delayMs: reader.integer('FAULT_DELAY_MS', 0, 0, FAULT_DELAY_MS_MAX),
    errorRate: reader.rate('FAULT_ERROR_RATE'),
    errorAfterApplyRate: reader.rate('FAULT_ERROR_AFTER_APPLY_RATE'),
  };
  const hasSeed = reader.text('FAULT_SEED') !== null;
  const seed = reader.integer('FAULT_SEED', 0, 0, Number.MAX_SAFE_INTEGER);
  return {
    faultInjection,
    faults: faultInjection ? faults : { delayMs: 0, errorRate: 0, errorAfterApplyRate: 0 },
    faultSeed: hasSeed ? seed : null,
  };
}

/** The settings of every node; the defaults are those of its kind. */
export function readNode(
  reader: Reader,
  defaults: { readonly port: number; readonly id: (port: number) => string },
  isTerminal: boolean,
): NodeConfig {
  const port = reader.integer('PORT', defaults.port, 0, 65_535);
  checkPort(reader, 'PORT', port);
  const nodeId = reader.text('NODE_ID') ?? defaults.id(port);
  checkNodeId(reader, 'NODE_ID', nodeId);
  const host = reader.text('HOST') ?? '127.0.0.1';
  if (/[\s/]/.test(host)) reader.problem('HOST', 'must be an address or a host name', host);
  return {
    host,
    port,
    nodeId,
    dataDir: reader.text('DATA_DIR'),
    fsync: reader.oneOf('FSYNC', ['always', 'never'], 'always'),
    clusterToken: reader.token('CLUSTER_TOKEN', CLUSTER_TOKEN_LENGTH_MIN),
    apiToken: reader.token('API_TOKEN', 1),
    logLevel: reader.oneOf('LOG_LEVEL', LOG_LEVELS, 'info'),
    logFormat: reader.oneOf('LOG_FORMAT', ['pretty', 'json'], isTerminal ? 'pretty' : 'json'),
  };
}

function checkPort(reader: Reader, name: string, port: number): void {
  if (isRefusedPort(port)) reader.problem(name, REFUSED_PORT_RULE, String(port));
}

function checkNodeId(reader: Reader, name: string, nodeId: string): void {
  if (NODE_ID_PATTERN.test(nodeId)) return;
  reader.problem(
    name,
    'must be 1 to 100 letters, digits, dots, dashes, underscores, colons',
    nodeId,
  );
}

function readDefaultW(reader: Reader, nodes: number, fallback: WriteConcern): WriteConcern {
  const text = reader.text('DEFAULT_W') ?? String(fallback);
  if (text === 'all' || text === 'majority') return text;
  const w = /^[0-9]{1,9}$/.test(text) ? Number(text) : 0;
  if (w < 1) reader.problem('DEFAULT_W', 'must be an integer from 1, majority or all', text);
  else if (w > nodes) {
    reader.problem('DEFAULT_W', `must be at most ${nodes}, the nodes of the cluster`, text);
  }
  return w;
}

/** The entries of a list of nodes, ranges expanded, not checked. */
function listed(reader: Reader, name: string): string[] {
  const items = (reader.text(name) ?? '').split(',');
  return items
    .map((item) => item.trim())
    .filter((item) => item !== '')
    .flatMap(eachOfRange);
}

/**
 * Expands a range, so that an orchestrator scales by one number: `s{1..3}=http://s{1..3}:8081` is three entries, and
 * `{1..0}` is none. Other text in braces stays as it is, and is refused later for its braces.
 */
function eachOfRange(item: string): string[] {
  const [range, first, last] = /\{([0-9]{1,4})\.\.([0-9]{1,4})\}/.exec(item) ?? [];
  if (range === undefined) return [item];
  const length = Number(last) - Number(first) + 1;
  if (length < 0 || length > RANGE_LENGTH) return [item];
  return Array.from({ length }, (_, at) => item.replaceAll(range, String(Number(first) + at)));
}

/** A node of a list, and its entry there. */
export interface ListedNode {
  readonly id: string;
  readonly url: string;
  readonly text: string;
}

/** The nodes that a variable lists; entries that are invalid are left out. */
export function readNodes(reader: Reader, name: 'SECONDARIES' | 'MEMBERS'): ListedNode[] {
  const nodes: ListedNode[] = [];
  for (const text of listed(reader, name)) {
    const node = readListedNode(reader, name, text);
    if (node === null) continue;
    if (nodes.some(({ id }) => id === node.id)) {
      reader.problem(name, 'must not use a name twice', text);
    }
    if (nodes.some(({ url }) => url === node.url)) {
      reader.problem(name, 'must not list an address twice', text);
    }
    nodes.push(node);
  }
  return nodes;
}

function checkSecondaries(
  reader: Reader,
  secondaries: readonly ListedNode[],
  masterId: string,
): void {
  for (const { id, text } of secondaries) {
    if (id !== masterId) continue;
    reader.problem('SECONDARIES', `must not use the master's own NODE_ID as a name`, text);
  }
}

/** One `http://host:port` or `name=http://host:port`. */
function readListedNode(reader: Reader, name: string, text: string): ListedNode | null {
  const [, given, address = ''] = /^(?:([^=/]*)=)?(.*)$/.exec(text) ?? [];
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || !/^http:\/\/[^/?#@{}]+:[0-9]+\/?$/i.test(address)) {
    const rule = 'must be a comma-separated list of http://host:port or name=http://host:port';
    reader.problem(name, rule, text);
    return null;
  }
  // The URL parser leaves out port 80, the default of http.
  const port = url.port === '' ? 80 : Number(url.port);
  checkPort(reader, name, port);
  if (port === 0) reader.problem(name, 'must not name port 0', text);
  const id = given ?? `${url.hostname}:${port}`;
  checkNodeId(reader, name, id);
  return { id, url: url.origin, text };
}

/** Checks that every append that is accepted fits a frame, of which `lineBytesMax` is the limit. */
export function checkSizes(
  reader: Pick<Reader, 'problem'>,
  messageBytesMax: number,
  lineBytesMax = FRAME_LINE_BYTES_MAX,
): void {
  if (frameLineBytesMax(messageBytesMax) <= lineBytesMax) return;
  const rule = `must be smaller: a frame of such a message may not fit its ${lineBytesMax} bytes`;
  reader.problem('MAX_MESSAGE_BYTES', rule, String(messageBytesMax));
}

function checkOrder(reader: Reader, core: MasterSettings['core']): void {
  const { suspectedAfterMisses, unhealthyAfterMisses } = core.failureDetector;
  if (suspectedAfterMisses > unhealthyAfterMisses) {
    reader.problem(
      'UNHEALTHY_AFTER_MISSES',
      `must be at least SUSPECTED_AFTER_MISSES, which is ${suspectedAfterMisses}`,
      String(unhealthyAfterMisses),
    );
  }
  if (core.backoffBaseMs > core.backoffMaxMs) {
    reader.problem(
      'BACKOFF_MAX_MS',
      `must be at least BACKOFF_BASE_MS, which is ${core.backoffBaseMs}`,
      String(core.backoffMaxMs),
    );
  }
}
