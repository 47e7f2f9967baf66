/**
 * A route whose answer is one text that is made at the start and never changes. A client that already has it
 * (`If-None-Match`) gets 304.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { matchesEtag } from './headers.ts';
import { parseQuery } from './query.ts';
import { type HeaderList, type RequestContext, send } from './request-context.ts';
import type { Route } from './server.ts';

interface StaticAnswer {
  readonly path: string;
  /** The media type that is matched against `Accept`. */
  readonly mediaType: string;
  readonly contentType: string;
  readonly text: string;
  /** Further headers, of a 304 as well. */
  readonly headers?: HeaderList;
}

/** The route; it requires no token. */
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

/** Reads a file of the sources with LF line ends: a checkout may have written CR LF. */
export function readPart(url: URL): string {
  return readFileSync(url, 'utf8').replaceAll('\r\n', '\n');
}
