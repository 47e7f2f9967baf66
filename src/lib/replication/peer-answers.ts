/** What all calls to a peer share: the token, refusals, bounded reading of the answer, the reason of a failure. */
import { EPOCH_MAX } from '../core/recovery/ballot.ts';
import { PEER_ANSWER_BYTES_MAX } from '../http/limits.ts';
import { fetchPeer } from './peer-fetch.ts';

/**
 * Calls a peer, with the token if there is one. Rejects with a `PeerRefusal` for any status but 200, with the error
 * of `fetchPeer`, and for a redirect.
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

/** A peer answered with a status other than 200. */
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
 * The chunks of an answer as they arrive; throws when the signal aborts. If the caller stops early the rest is
 * cancelled, so that an unread answer does not keep its socket.
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

/** Reads the answer; rejects beyond `PEER_ANSWER_BYTES_MAX`. */
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

/** The problem in a refusal, if it has one. */
interface PeerProblem {
  /** ` <name>: <detail>`, or empty. */
  readonly text: string;
  /** The epoch of a newer master, if it is the reason; else null. */
  readonly staleBy: number | null;
  /** Whether the call was refused because it was for another incarnation of the node. */
  readonly isRestarted: boolean;
}

/**
 * Reads the problem in an answer that is not 200. Its text goes to the log and to `/health`, so the token is removed
 * from it: a peer may echo the request.
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
    // No master has an epoch above the maximum, so such an answer is invalid and does not fence this one.
    return { text, staleBy: isStale && epoch <= EPOCH_MAX ? epoch : null, isRestarted };
  } catch {
    return { text: '', staleBy: null, isRestarted: false };
  }
}

/** Error codes that say that a peer is down, as opposed to silent. */
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
 * Whether an error of `fetch` says that the peer is down: its address refuses the connection or cannot be reached, or
 * its name has no address.
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

/** The reason of a failed call to a peer, in a few words. */
export function reasonOf(error: unknown): string {
  const { name, message, cause } = error as Error & { cause?: { code?: string; message?: string } };
  if (name === 'TimeoutError') return 'no answer in time';
  const why = cause?.code ?? cause?.message;
  return why === undefined ? message : `${message}: ${why}`;
}
