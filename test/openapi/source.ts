/** What is generated of `openapi.yaml`. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** The text of the file that nodes serve. */
export function generated(): string {
  const source = readFileSync(new URL('../../openapi.yaml', import.meta.url), 'utf8');
  return `${JSON.stringify(parse(source), null, 2)}\n`;
}
