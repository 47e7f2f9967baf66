/**
 * A route whose answer is one text that is made at the start and never changes: who has it already,
 * and says so by its tag, is not sent it again.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { matchesEtag } from './headers.ts';
import { parseQuery } from './query.ts';
import { type HeaderList, type RequestContext, send } from './request-context.ts';
import type { Route } from './server.ts';

export interface StaticAnswer {
  readonly path: string;
  /** What `Accept` must admit. */
  readonly mediaType: string;
  /** The same as a header says it. */
  readonly contentType: string;
  readonly text: string;
  /** What else goes with it, also when it is not sent again. */
  readonly headers?: HeaderList;
}

/** The route, open to all. */
export function staticRoute({
  path,
  mediaType,
  contentType,
  text,
  headers = [],
}: StaticAnswer): Route {
  const etag = `"${digest(text, 'base64url')}"`;
  const always = [...headers, 'Cache-Control', 'no-cache', 'ETag', etag];
  const handle = ({ req, res, query }: RequestContext) => {
    parseQuery(query, []);
    if (matchesEtag(req.headers['if-none-match'], etag)) res.writeHead(304, always).end();
    else send(res, 200, text, ['Content-Type', contentType, ...always]);
  };
  return { method: 'GET', path, access: 'open', produces: [mediaType], handle };
}

/** The SHA-256 of a text. */
export function digest(text: string, encoding: 'base64' | 'base64url'): string {
  return createHash('sha256').update(text).digest(encoding);
}

/** A file that is part of the sources, its lines ended alike: a checkout may have written CR LF. */
export function readPart(url: URL): string {
  return readFileSync(url, 'utf8').replaceAll('\r\n', '\n');
}
