/** Members whose elections nothing but the test causes, also on a machine that is busy. */
import type { TestContext } from 'node:test';
import type { Environment } from '../support/cluster.ts';
import { type Members, startMembers } from '../support/members.ts';

/** So long a busy machine may stop a process without an election. */
const CALM = { ELECTION_TIMEOUT_MS: 3000 };

/**
 * Three members; killed after the test, because a master that is told to stop after the others looks for a successor
 * for the whole election time-out.
 */
export async function startCalmMembers(
  t: TestContext,
  environment: Environment = {},
): Promise<Members> {
  let members: Members | null = null;
  t.after(() => Promise.all((members?.list ?? []).map((member) => member.kill())));
  members = await startMembers(t, 3, { ...CALM, ...environment });
  return members;
}
