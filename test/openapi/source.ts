/** Generates the served JSON from `openapi.yaml`. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** The text of the generated file: one line, because people do not read it. Nodes serve it indented. */
export function generated(): string {
  const source = readFileSync(new URL('../../openapi.yaml', import.meta.url), 'utf8');
  return `${JSON.stringify(parse(source))}\n`;
}
