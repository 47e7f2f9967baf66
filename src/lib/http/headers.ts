/** Reads request headers as their RFCs define them; no header is trusted to be well-formed. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIdempotencyKey, KEY_LENGTH_MAX } from '../core/log/idempotency.ts';
import { HttpProblem } from './problems.ts';

/** Refuses with 415 a body that is not of type `expected` in UTF-8, or is compressed. */
export function requireContentType(req: IncomingMessage, expected: string): void {
  const header = req.headers['content-type'] ?? '';
  if (header === expected && req.headers['content-encoding'] === undefined) return;
  const [type = '', ...parameters] = header.split(';').map((part) => part.trim().toLowerCase());
  const charset = parameters.find((parameter) => parameter.startsWith('charset='));
  const isUtf8 = charset === undefined || /^charset="?utf-?8"?$/.test(charset);
  const coding = req.headers['content-encoding'] ?? 'identity';
  if (type === expected && isUtf8 && coding.toLowerCase() === 'identity') return;
  const got = header === '' ? 'no content-type' : `'${header}'`;
  throw new HttpProblem(
    'unsupported-media-type',
    `send 'content-type: ${expected}' in UTF-8, uncompressed; got ${got}`,
    {},
    { Accept: expected },
  );
}

/**
 * Which of the `types` an `Accept` header prefers; of equally preferred ones the earlier, null if it accepts none.
 */
export function preferredType<Type extends string>(
  accept: string | undefined,
  types: readonly Type[],
): Type | null {
  let best: Type | null = null;
  let bestQuality = 0;
  for (const type of types) {
    const quality = qualityOf(accept, type);
    if (quality > bestQuality) [best, bestQuality] = [type, quality];
  }
  return best;
}

/** The quality, 0 to 1, that an `Accept` header gives `type`; a more specific range wins (RFC 9110, 12.5.1). */
function qualityOf(accept: string | undefined, type: string): number {
  if (accept === undefined || accept.trim() === '') return 1;
  let specificity = -1;
  let quality = 0;
  for (const item of accept.split(',')) {
    const [range = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    const rank = ['*/*', `${type.split('/')[0]}/*`, type].indexOf(range);
    if (rank <= specificity) continue;
    specificity = rank;
    quality = Number(parameters.find((part) => part.startsWith('q='))?.slice(2) ?? 1);
  }
  return quality;
}

/** How long a client wants to wait (`Prefer`, RFC 7240). */
export interface WaitPreference {
  readonly waitMs: number;
  /** The value of `Preference-Applied`. */
  readonly applied: string;
}

/**
 * Reads `Prefer: wait=5` and `Prefer: respond-async`. The first `wait` counts. Unknown and malformed preferences
 * are ignored, as RFC 7240 demands; null if nothing is left.
 */
export function parsePrefer(header: string | string[] | undefined): WaitPreference | null {
  if (header === undefined) return null;
  const list = splitList([header].flat().join(',').toLowerCase());
  const names = list.map((preference) => splitList(preference, ';')[0]?.trim());
  for (const name of names) {
    const seconds = /^wait\s*=\s*("?)(\d{1,15})\1$/.exec(name ?? '')?.[2];
    if (seconds !== undefined) {
      return { waitMs: Number(seconds) * 1000, applied: `wait=${seconds}` };
    }
  }
  return names.includes('respond-async') ? { waitMs: 0, applied: 'respond-async' } : null;
}

/** The parts of a list; a separator inside a quoted string does not count (RFC 9110, 5.6.4). */
function splitList(text: string, separator = ','): string[] {
  const parts: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let i = 0; i < text.length; i += 1) {
    if (text[i] === '"') isQuoted = !isQuoted;
    else if (text[i] === '\\' && isQuoted) i += 1;
    else if (text[i] === separator && !isQuoted) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return [...parts, text.slice(start)];
}

/** Reads `Idempotency-Key`, quoted or not; null if there is none. 400 if it is invalid. */
export function parseIdempotencyKey(req: IncomingMessage): string | null {
  if (req.headers['idempotency-key'] === undefined) return null;
  const values = req.headersDistinct['idempotency-key'] ?? [];
  const [value = ''] = values;
  const isQuoted = value.startsWith('"');
  const key = isQuoted ? unquote(value) : value;
  if (values.length > 1 || key === null || !isIdempotencyKey(key)) {
    throw new HttpProblem(
      'bad-idempotency-key',
      `Idempotency-Key must be one value of 1 to ${KEY_LENGTH_MAX} printable ASCII characters, ` +
        'in double quotes or without',
    );
  }
  return key;
}

/** The content of a structured-field string (RFC 8941, 3.3.3); null if it is not one. */
function unquote(value: string): string | null {
  const content = /^"((?:[^"\\]|\\["\\])*)"$/.exec(value)?.[1];
  return content?.replace(/\\(["\\])/g, '$1') ?? null;
}

/** Whether `If-None-Match` names this entity tag; weak comparison (RFC 9110, 13.1.2). */
export function matchesEtag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  return header.split(',').some((item) => item.trim().replace(/^W\//, '') === etag);
}

/** Whether the request carries this bearer token; compared in constant time. */
export function hasBearerToken(req: IncomingMessage, token: string): boolean {
  const sent = /^bearer +(.*)$/i.exec(req.headers.authorization ?? '')?.[1] ?? '';
  return timingSafeEqual(digest(sent), digest(token));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
