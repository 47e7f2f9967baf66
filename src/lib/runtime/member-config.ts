/** The configuration of a member of a cluster that elects its master: `MEMBERS` and what goes with it. */
import { createHash } from 'node:crypto';
import type { MembersConfig } from '../core/node.ts';
import {
  type NodeConfig,
  Reader,
  readFaultSettings,
  readMasterSettings,
  readNode,
  readNodes,
} from './config.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Characters of the digest of a list of members. */
const DIGEST_LENGTH = 16;
const ELECTION_TIMEOUT_MS = 3000;
const ELECTION_TIMEOUT_MS_MIN = 30;
const ELECTION_TIMEOUT_MS_MAX = 2 ** 30;

export type MemberSettings = NodeConfig &
  ReturnType<typeof readMasterSettings> &
  ReturnType<typeof readFaultSettings> & {
    readonly election: MembersConfig;
    /** The list of members as it is kept beside the log. */
    readonly membersText: string;
  };

/** Whether this environment is that of a member. */
export function isMember({ MEMBERS = '' }: Environment): boolean {
  return MEMBERS.trim() !== '';
}

/** The configuration of a member. Throws a `ConfigError` with every problem. */
export function readMemberConfig(environment: Environment, isTerminal: boolean): MemberSettings {
  const reader = new Reader(environment);
  const members = readNodes(reader, 'MEMBERS').map(({ id, url }) => ({ id, url }));
  const own = members.find(({ id }) => id === environment.NODE_ID?.trim());
  // A member listens where the others look for it.
  const port = own === undefined ? 8080 : Number(new URL(own.url).port || 80);
  const node = readNode(reader, { port, id: () => 'master' }, isTerminal);
  const others = members.filter(({ id }) => id !== node.nodeId);
  const nodes = Math.max(1, members.length);
  const master = readMasterSettings(reader, node.nodeId, others, nodes, 'majority');
  const timeoutMs = reader.integer(
    'ELECTION_TIMEOUT_MS',
    ELECTION_TIMEOUT_MS,
    ELECTION_TIMEOUT_MS_MIN,
    ELECTION_TIMEOUT_MS_MAX,
  );
  checkMembers(reader, own !== undefined);
  const membersText = textOf(members);
  const core = withinTimeout(master.core, timeoutMs);
  const election = {
    members,
    membersDigest: createHash('sha256')
      .update(membersText)
      .digest('base64url')
      .slice(0, DIGEST_LENGTH),
    timeoutMs,
    heartbeatIntervalMs: core.heartbeat.intervalMs,
  };
  const faults = readFaultSettings(reader);
  return reader.finish({ ...node, ...master, ...faults, core, election, membersText });
}

/** The list in one line, the same for any order. */
function textOf(members: readonly { readonly id: string; readonly url: string }[]): string {
  const entries = members.map(({ id, url }) => `${id}=${url}`);
  return entries.sort().join(',');
}

function checkMembers(reader: Reader, isListed: boolean): void {
  const listed = reader.text('MEMBERS') ?? '';
  const secondaries = reader.text('SECONDARIES');
  if (secondaries !== null) {
    reader.problem('SECONDARIES', 'must not be set together with MEMBERS', secondaries);
  }
  if (reader.text('DATA_DIR') === null) {
    reader.problem('DATA_DIR', 'must be set with MEMBERS: a member must remember its promises', '');
  }
  if (reader.text('QUORUM_APPEND') === 'false') {
    reader.problem('QUORUM_APPEND', 'must be true with MEMBERS', 'false');
  }
  if (!isListed) {
    const rule = `must be a name in MEMBERS, which is ${listed}`;
    reader.problem('NODE_ID', rule, reader.text('NODE_ID') ?? '');
  }
}

/** Heartbeats are so frequent, and nobody is waited for so long, that the election time-out leaves room for some. */
function withinTimeout<Core extends MemberSettings['core']>(core: Core, timeoutMs: number): Core {
  const within = (ms: number, part: number) =>
    Math.max(1, Math.min(ms, Math.floor(timeoutMs / part)));
  return {
    ...core,
    heartbeat: {
      intervalMs: within(core.heartbeat.intervalMs, 3),
      timeoutMs: within(core.heartbeat.timeoutMs, 2),
    },
    recoveryTimeoutMs: within(core.recoveryTimeoutMs, 2),
  };
}
