/** What both clients of a peer share: the token, bounded reading of an answer, words for a failure. */
import { EPOCH_MAX } from '../core/recovery/ballot.ts';
import { PEER_ANSWER_BYTES_MAX } from '../http/limits.ts';

/** The header that carries the cluster's token, if there is one. */
export function bearerHeader(token: string | null): Record<string, string> {
  return token === null ? {} : { authorization: `Bearer ${token}` };
}

/**
 * The chunks of an answer as they come, until it ends or the signal aborts (which is an error). What
 * is left is cancelled, so that no socket is kept for an answer that nobody reads.
 */
export async function* chunksOf(
  response: Response,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  const cancel = () => reader.cancel().catch(() => {});
  signal.addEventListener('abort', cancel, { once: true });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      signal.throwIfAborted();
      if (done) return;
      yield value as Uint8Array;
    }
  } finally {
    signal.removeEventListener('abort', cancel);
    cancel();
  }
}

/** The answer's bytes; an error if there are too many. */
export async function readAnswer(response: Response, signal: AbortSignal): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunksOf(response, signal)) {
    bytes += chunk.length;
    if (bytes > PEER_ANSWER_BYTES_MAX) throw new Error('the answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** What a refusal says, as far as it is a problem. */
export interface PeerProblem {
  /** ` <name>: <detail>`, or nothing. */
  readonly text: string;
  /** The epoch of the newer master that is the reason; null if that is not the reason. */
  readonly staleBy: number | null;
  /** Whether the reason is that the call was for another incarnation of the node. */
  readonly isRestarted: boolean;
}

/**
 * Reads the problem in an answer that is not 200. Its text goes to the log and to `/health`, so a
 * peer that echoes what it was sent must not make it tell the token.
 */
export async function readProblem(
  response: Response,
  signal: AbortSignal,
  token: string | null,
): Promise<PeerProblem> {
  try {
    const body = JSON.parse(new TextDecoder().decode(await readAnswer(response, signal)));
    const name = String(body.type).replace('/problems/', '');
    const told = ` ${name}: ${String(body.detail)}`;
    const text = (token === null ? told : told.replaceAll(token, '<token>')).slice(0, 200);
    const isStale = response.status === 409 && name === 'stale-epoch';
    const isRestarted = response.status === 409 && name === 'boot-mismatch';
    const epoch = Number.isSafeInteger(body.epoch) ? (body.epoch as number) : 0;
    // No master writes under an epoch behind the last: that is nonsense, and fences nobody.
    return { text, staleBy: isStale && epoch <= EPOCH_MAX ? epoch : null, isRestarted };
  } catch {
    return { text: '', staleBy: null, isRestarted: false };
  }
}

/** Codes of errors that say that nobody is there, as opposed to somebody who does not answer. */
const DOWN_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_FAIL',
  'EAI_NONAME',
  'EAI_NODATA',
  'ConnectionRefused', // Bun
]);

/**
 * Whether what a `fetch` threw says that nobody is there: the address refuses the connection or cannot
 * be reached, or the name has no address.
 */
export function isDown(error: unknown): boolean {
  const { code, cause, errors } = error as Error & {
    code?: string;
    cause?: unknown;
    errors?: unknown[];
  };
  if (Array.isArray(errors) && errors.length > 0) return errors.every(isDown);
  if (code !== undefined && DOWN_CODES.has(code)) return true;
  return cause instanceof Error && isDown(cause);
}

/** A few words for whatever a `fetch` threw. */
export function reasonOf(error: unknown): string {
  const { name, message, cause } = error as Error & { cause?: { code?: string; message?: string } };
  if (name === 'TimeoutError') return 'no answer in time';
  const why = cause?.code ?? cause?.message;
  return why === undefined ? message : `${message}: ${why}`;
}
