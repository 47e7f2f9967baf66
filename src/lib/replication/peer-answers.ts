/** What all calls to a peer share: the token, refusals, bounded reading of the answer, words for a failure. */
import { EPOCH_MAX } from '../core/recovery/ballot.ts';
import { PEER_ANSWER_BYTES_MAX } from '../http/limits.ts';
import { fetchPeer } from './peer-fetch.ts';

/**
 * Calls a peer with a token, if there is one. Redirects are not followed; rejects with a `PeerRefusal` for any
 * status but 200, and with what `fetchPeer` rejects with.
 */
export async function callPeer(
  url: string,
  token: string | null,
  signal: AbortSignal,
  init: RequestInit & { headers?: Readonly<Record<string, string>>; duplex?: 'half' } = {},
): Promise<Response> {
  const bearer = token === null ? {} : { authorization: `Bearer ${token}` };
  const headers = { ...init.headers, ...bearer };
  const response = await fetchPeer(url, { ...init, headers, redirect: 'error', signal });
  if (response.status === 200) return response;
  throw new PeerRefusal(response.status, await readProblem(response, signal, token));
}

/** A peer has answered with another status than 200. */
export class PeerRefusal extends Error {
  readonly status: number;
  readonly problem: PeerProblem;

  constructor(status: number, problem: PeerProblem) {
    super(`HTTP ${status}${problem.text}`);
    this.status = status;
    this.problem = problem;
  }
}

/**
 * The chunks of an answer as they arrive, until it ends; throws when the signal aborts. The remainder is cancelled, so
 * that no socket is kept for an answer that nobody reads.
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
 * Reads the problem in an answer that is not 200. Its text goes to the log and to `/health`, so the token is removed:
 * a peer may echo what it was sent.
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
    // No master has an epoch above the maximum: such an answer is nonsense, and fences nobody.
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
 * Whether an error of `fetch` says that nobody is there: the address refuses the connection or cannot be reached, or
 * the name has no address.
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

/** A few words for any error of a call to a peer. */
export function reasonOf(error: unknown): string {
  const { name, message, cause } = error as Error & { cause?: { code?: string; message?: string } };
  if (name === 'TimeoutError') return 'no answer in time';
  const why = cause?.code ?? cause?.message;
  return why === undefined ? message : `${message}: ${why}`;
}
