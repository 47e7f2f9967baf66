/**
 * `GET /openapi.json`: the description of the API, indented. The file is generated from `openapi.yaml`
 * (`npm run openapi`); the tests check every answer that they see against it.
 */
import type { Route } from '../http/server.ts';
import { readPart, staticRoute } from '../http/static-answer.ts';

export const DESCRIPTION_FILE = new URL('openapi.json', import.meta.url);

/** The route of `GET /openapi.json`. */
export function openapiRoute(): Route {
  const type = 'application/json';
  const text = `${JSON.stringify(JSON.parse(readPart(DESCRIPTION_FILE)), null, 2)}\n`;
  return staticRoute({ path: '/openapi.json', mediaType: type, contentType: type, text });
}
