/**
 * The description of the API, as nodes serve it, and the places in it that describe an answer. Only
 * what the checks need of OpenAPI is known here.
 */
import { readFileSync } from 'node:fs';
import { DESCRIPTION_FILE } from '../../src/lib/api/openapi.ts';

/** A place in the document (RFC 6901), as a fragment of a URI. */
export type Pointer = `#/${string}`;

export interface Operation {
  readonly tags: readonly string[];
  readonly parameters?: readonly Schema[];
  readonly responses: Readonly<Record<string, object>>;
}

export type PathItem = Readonly<Record<string, Operation>>;

export interface Document {
  readonly openapi: string;
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, PathItem>>;
  /** The answers to a path or a method that is not in `paths`. */
  readonly 'x-otherwise': Operation;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

// biome-ignore lint/suspicious/noExplicitAny: a schema has members of every shape
export type Schema = any;

/** The document that nodes serve; a test compares it with its source. */
export const DOCUMENT: Document = JSON.parse(readFileSync(DESCRIPTION_FILE, 'utf8'));

/** One step of a pointer. */
export function step(name: string): string {
  return encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'));
}

/** The value at a place, and its real place: references are followed. */
export function lookUp(pointer: Pointer): { value: Schema; pointer: Pointer } {
  let value: Schema = DOCUMENT;
  for (const name of pointer.slice(2).split('/').map(decodeURIComponent)) {
    value = value?.[name.replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  if (value === undefined) throw new Error(`the description has no ${pointer}`);
  const { $ref } = value;
  return typeof $ref === 'string' ? lookUp($ref as Pointer) : { value, pointer };
}

/** Paths with a parameter, as patterns. */
const PATTERNS = Object.keys(DOCUMENT.paths)
  .filter((path) => path.includes('{'))
  .map((path) => [path, new RegExp(`^${path.replace(/\{\w+\}/, '[^/]+')}$`)] as const);

/** The place of the operation for a method and a path, or that of all others. */
export function operationAt(method: string, path: string): Pointer {
  const known = path in DOCUMENT.paths && !path.includes('{');
  const pattern = known ? path : PATTERNS.find(([, regexp]) => regexp.test(path))?.[0];
  const name = method === 'HEAD' ? 'get' : method.toLowerCase();
  if (pattern === undefined || !['get', 'put', 'post'].includes(name)) return '#/x-otherwise';
  return name in (DOCUMENT.paths[pattern] as PathItem)
    ? `#/paths/${step(pattern)}/${name}`
    : '#/x-otherwise';
}
