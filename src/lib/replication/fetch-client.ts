/**
 * The master's end of `GET /replicate?from=N`: reads a secondary's log, frame by frame, as fast as the master applies
 * them. Every failure means the same: the log is not complete.
 */
import type { Frame } from '../core/protocol.ts';
import { FRAME_LINE_BYTES_MAX } from '../http/limits.ts';
import { readFrame } from '../wire/frame.ts';
import { LineSplitter } from '../wire/lines.ts';
import { callPeer, chunksOf, reasonOf } from './peer-answers.ts';

/**
 * Calls `onFrame` with every frame until it returns false. Resolves with null when the log was read or `onFrame`
 * returned false, and with a reason if the answer broke off. Never rejects.
 *
 * @param quietMsMax how long nothing may come before the answer counts as broken
 */
export async function fetchLog(
  url: string,
  token: string | null,
  from: number,
  quietMsMax: number,
  onFrame: (frame: Frame) => boolean,
): Promise<string | null> {
  const abort = new AbortController();
  let onQuiet = () => {};
  // Node 20's `fetch` does not always end when its signal aborts, so this does not rely on it.
  const quiet = new Promise<string>((resolve) => {
    onQuiet = () => {
      resolve('nothing came in time');
      abort.abort();
    };
  });
  let timer = setTimeout(onQuiet, quietMsMax);
  const onChunk = () => {
    clearTimeout(timer);
    timer = setTimeout(onQuiet, quietMsMax);
  };
  const reading = read(`${url}/replicate?from=${from}`, token, abort, onChunk, onFrame);
  const outcome = await Promise.race([reading.catch(reasonOf), quiet]);
  clearTimeout(timer);
  abort.abort();
  return outcome;
}

async function read(
  url: string,
  token: string | null,
  { signal }: AbortController,
  onChunk: () => void,
  onFrame: (frame: Frame) => boolean,
): Promise<string | null> {
  const response = await callPeer(url, token, signal);
  const lines = new LineSplitter(FRAME_LINE_BYTES_MAX);
  for await (const chunk of chunksOf(response, signal)) {
    onChunk();
    for (const line of lines.push(chunk)) if (!onFrame(readFrame(line))) return null;
    // The time that `onFrame` took is not silence: bytes that arrived meanwhile are read next.
    onChunk();
  }
  const rest = lines.remainder();
  if (rest !== null) onFrame(readFrame(rest));
  return null;
}
