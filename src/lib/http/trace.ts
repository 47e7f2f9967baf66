/**
 * The id of a request and the trace it belongs to (W3C Trace Context), by which the logs of several nodes can be
 * joined. A trace travels with its entry to every secondary.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export interface Trace {
  /** The header `traceparent` as it came. */
  readonly parent: string;
  /** Whether this trace is recorded; then its steps are logged at level `info`. */
  readonly isSampled: boolean;
}

export interface Origin {
  readonly requestId: string;
  /** Null if the request belongs to none. */
  readonly trace: Trace | null;
}

const PARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const PARENT_LENGTH_MAX = 255;

/** Reads a `traceparent`; null if it is invalid: the recommendation demands that it is ignored then. */
export function parseTrace(header: string | undefined): Trace | null {
  if (header === undefined || header.length > PARENT_LENGTH_MAX) return null;
  const [, version, traceId = '', parentId = '', flags = '', more] = PARENT.exec(header) ?? [];
  // Later versions may add fields, version 00 may not; ff is invalid.
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined))
    return null;
  if (/^0+$/.test(traceId) || /^0+$/.test(parentId)) return null;
  return { parent: header, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** Makes the ids of this incarnation of the process differ from those of others. */
const incarnation = randomBytes(4).toString('hex');
let count = 0;

/** The client's `X-Request-Id` if it is one word of ASCII, else a new id. */
export function requestIdOf(req: IncomingMessage | null): string {
  const header = req?.headers['x-request-id'];
  if (typeof header === 'string' && /^[\x21-\x7e]{1,128}$/.test(header)) return header;
  count += 1;
  return `${incarnation}-${count.toString(36)}`;
}

/** The origin as fields of a log line. */
export function originFields({ requestId, trace }: Origin): Readonly<Record<string, string>> {
  return trace === null ? { requestId } : { requestId, traceparent: trace.parent };
}
