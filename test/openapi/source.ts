/** What is generated of `openapi.yaml`. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** The text of the generated file: one line, for nobody reads it. Nodes serve it indented. */
export function generated(): string {
  const source = readFileSync(new URL('../../openapi.yaml', import.meta.url), 'utf8');
  return `${JSON.stringify(parse(source))}\n`;
}
