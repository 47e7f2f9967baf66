/**
 * A master's claim as it travels with every heartbeat: which log it writes, under which epoch, and
 * as which life. Headers, because a heartbeat is a GET, and all the same to who does not know them.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { EPOCH_MAX, isEpoch } from '../core/ballot.ts';
import type { Claim } from '../core/protocol.ts';
import { PEER_NAME_LENGTH_MAX } from './limits.ts';
import { HttpProblem } from './problems.ts';
import { parsePosition } from './query.ts';

/** The headers of a heartbeat; none without a claim. */
export function claimHeaders(claim: Claim | null): Record<string, string> {
  if (claim === null) return {};
  return {
    'log-id': encodeURIComponent(claim.logId),
    'log-epoch': String(claim.epoch),
    'log-writer': encodeURIComponent(claim.writer),
  };
}

/** The claim in a heartbeat's headers; null without one, 400 if it is not one. */
export function parseClaim(headers: IncomingHttpHeaders): Claim | null {
  const logId = headers['log-id'];
  const epochText = headers['log-epoch'];
  const writer = headers['log-writer'];
  if (logId === undefined && epochText === undefined && writer === undefined) return null;
  const names = [decodeName(logId), decodeName(writer)];
  const epoch = typeof epochText === 'string' ? parsePosition(epochText) : null;
  if (names[0] && names[1] && isEpoch(epoch)) {
    return { logId: names[0], epoch, writer: names[1] };
  }
  throw new HttpProblem(
    'bad-request',
    'a claim needs Log-Id and Log-Writer (percent-encoded, 1 to 255 characters) and Log-Epoch ' +
      `(an integer from 1 to ${EPOCH_MAX})`,
  );
}

function decodeName(text: string | string[] | undefined): string | null {
  if (typeof text !== 'string') return null;
  try {
    const name = decodeURIComponent(text);
    return name.length >= 1 && name.length <= PEER_NAME_LENGTH_MAX ? name : null;
  } catch {
    return null;
  }
}
