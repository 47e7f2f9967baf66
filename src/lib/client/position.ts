/** The position of a node: which log it has and how long it is, as the headers of `/messages` say. */
import type { Caller } from './caller.ts';
import { NoAnswerError } from './errors.ts';
import type { Scope } from './scope.ts';

export interface Position {
  /** How many messages the node shows. */
  readonly length: number;
  /** Up to where it knows them to be committed; 0 without the header. */
  readonly committed: number;
  /** The epoch of the newest master whose log this is. */
  readonly epoch: number;
  /** The header `Log-Id`; null if the node has no log yet. */
  readonly logId: string | null;
}

/** The position in these headers; null if they are not those of a node. */
export function positionOrNull(headers: Headers): Position | null {
  try {
    return positionIn(headers);
  } catch {
    return null;
  }
}

/** The position in these headers; throws a NoAnswerError if they are not those of a node. */
export function positionIn(headers: Headers): Position {
  const length = Number(headers.get('log-length') ?? Number.NaN);
  const epoch = Number(headers.get('log-epoch') ?? Number.NaN);
  const committed = Number(headers.get('log-committed') ?? 0);
  if (!Number.isSafeInteger(length) || !Number.isSafeInteger(epoch)) {
    throw new NoAnswerError('the answer is not that of a node: it has no Log-Length and Log-Epoch');
  }
  return { length, committed, epoch, logId: headers.get('log-id') };
}

/** Asks a node for its position; null if it does not answer now. */
export async function askPosition(
  caller: Caller,
  scope: Scope,
  url: string,
): Promise<Position | null> {
  try {
    const answer = await caller.open(scope, url, { method: 'HEAD', path: '/messages' });
    answer.scope.close();
    return positionIn(answer.response.headers);
  } catch {
    return null;
  }
}
