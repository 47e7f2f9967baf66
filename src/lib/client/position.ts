/** How far the log of a node is, and which log it is: what the headers of `/messages` say. */
import type { Caller } from './caller.ts';
import { NoAnswerError } from './errors.ts';
import type { Scope } from './scope.ts';

export interface Position {
  /** How many messages the node shows. */
  readonly length: number;
  /** Up to where it knows them to be committed; 0 if it does not say. */
  readonly committed: number;
  /** The epoch of the newest master whose log this is. */
  readonly epoch: number;
  /** Which log, as the header has it; null if the node has none yet, or does not say. */
  readonly logId: string | null;
}

/** What the headers of a node say; null if they are not those of one. */
export function positionOrNull(headers: Headers): Position | null {
  try {
    return positionIn(headers);
  } catch {
    return null;
  }
}

/** @throws NoAnswerError if these are not the headers of a node */
export function positionIn(headers: Headers): Position {
  const length = Number(headers.get('log-length') ?? Number.NaN);
  const epoch = Number(headers.get('log-epoch') ?? Number.NaN);
  const committed = Number(headers.get('log-committed') ?? 0);
  if (!Number.isSafeInteger(length) || !Number.isSafeInteger(epoch)) {
    throw new NoAnswerError('the answer is not that of a node: it has no Log-Length and Log-Epoch');
  }
  return { length, committed, epoch, logId: headers.get('log-id') };
}

/** Asks a node, for no message at all; null if it does not answer now. */
export async function askPosition(
  caller: Caller,
  scope: Scope,
  url: string,
): Promise<Position | null> {
  try {
    const answer = await caller.open(scope, url, { method: 'HEAD', path: '/messages' });
    answer.scope.close();
    return positionOrNull(answer.response.headers);
  } catch {
    return null;
  }
}
