/**
 * Where a request comes from, so that logs of several nodes can be put together: its id, and the trace
 * it belongs to (W3C Trace Context). A trace goes on with the entry to every secondary.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export interface Trace {
  /** The header `traceparent` as it came. */
  readonly parent: string;
  /** Whether somebody records this trace: then its steps are worth a line at level `info`. */
  readonly isSampled: boolean;
}

/** What is known of a request beside what it asks. */
export interface Origin {
  readonly requestId: string;
  /** Null if it belongs to none. */
  readonly trace: Trace | null;
}

const PARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const PARENT_LENGTH_MAX = 255;

/** Reads a `traceparent`; null if it is not one (it is ignored then, as the recommendation demands). */
export function parseTrace(header: string | undefined): Trace | null {
  if (header === undefined || header.length > PARENT_LENGTH_MAX) return null;
  const [, version, traceId = '', parentId = '', flags = '', more] = PARENT.exec(header) ?? [];
  // Later versions may add fields; version 00 has none, and ff is none.
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined))
    return null;
  if (/^0+$/.test(traceId) || /^0+$/.test(parentId)) return null;
  return { parent: header, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** Tells the ids of this incarnation of the process from those of others. */
const incarnation = randomBytes(4).toString('hex');
let count = 0;

/** The id that a client gave its request (`X-Request-Id`, if it is a plain word), or a new one. */
export function requestIdOf(req: IncomingMessage | null): string {
  const header = req?.headers['x-request-id'];
  if (typeof header === 'string' && /^[\x21-\x7e]{1,128}$/.test(header)) return header;
  count += 1;
  return `${incarnation}-${count.toString(36)}`;
}

/** The same as fields of a line in a log. */
export function originFields({ requestId, trace }: Origin): Readonly<Record<string, string>> {
  return trace === null ? { requestId } : { requestId, traceparent: trace.parent };
}
