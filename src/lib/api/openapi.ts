/**
 * `GET /openapi.json`: what every node answers, and how to ask, for programs. The file is generated from
 * `openapi.yaml` (`npm run openapi`), and the tests hold every answer they see against it.
 */

import type { Route } from '../http/server.ts';
import { readPart, staticRoute } from '../http/static-answer.ts';

/** Where it lies. */
export const DESCRIPTION_FILE = new URL('openapi.json', import.meta.url);

/** The route, the same on every node. */
export function openapiRoute(): Route {
  const type = 'application/json';
  const text = readPart(DESCRIPTION_FILE);
  return staticRoute({ path: '/openapi.json', mediaType: type, contentType: type, text });
}
