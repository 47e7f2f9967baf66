/** What both clients of a peer share: the token, bounded reading of an answer, words for a failure. */
import { PEER_ANSWER_BYTES_MAX } from './limits.ts';

/** The header that carries the cluster's token, if there is one. */
export function bearerHeader(token: string | null): Record<string, string> {
  return token === null ? {} : { authorization: `Bearer ${token}` };
}

/** The answer's bytes; an error, and the rest cancelled, if there are too many. */
export async function readAnswer(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop early cancels the rest, so that the socket is not kept for it.
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > PEER_ANSWER_BYTES_MAX) throw new Error('the answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** `: <name>: <detail>` of a problem, as far as the answer is one. */
export async function problemText(response: Response): Promise<string> {
  try {
    const body = JSON.parse(new TextDecoder().decode(await readAnswer(response)));
    const name = String(body.type).replace('/problems/', '');
    return ` ${name}: ${String(body.detail)}`.slice(0, 200);
  } catch {
    return '';
  }
}

/** A few words for whatever a `fetch` threw. */
export function reasonOf(error: unknown): string {
  const { name, message, cause } = error as Error & { cause?: { code?: string; message?: string } };
  if (name === 'TimeoutError') return 'no answer in time';
  const why = cause?.code ?? cause?.message;
  return why === undefined ? message : `${message}: ${why}`;
}
