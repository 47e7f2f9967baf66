/** Reads query parameters: only known ones, each at most once. */
import { HttpProblem } from './problems.ts';

const NONE: ReadonlyMap<string, string> = new Map();

/** The parameters of a query; 400 `bad-request` if one is not in `known`, or given twice. */
export function parseQuery(query: string, known: readonly string[]): ReadonlyMap<string, string> {
  if (query === '') return NONE;
  const values = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    if (!known.includes(name)) {
      const list = known.length === 0 ? 'there are none here' : `known are ${known.join(', ')}`;
      throw new HttpProblem(
        'bad-request',
        `unknown query parameter '${name.slice(0, 100)}'; ${list}`,
      );
    }
    if (values.has(name)) {
      throw new HttpProblem('bad-request', `query parameter '${name}' is given twice`);
    }
    values.set(name, value);
  }
  return values;
}

/** A parameter that is an integer from 1; `fallback` if it is absent, 400 `bad-range` if it is invalid. */
export function positiveParameter(
  values: ReadonlyMap<string, string>,
  name: string,
  fallback: number,
): number {
  const text = values.get(name);
  if (text === undefined) return fallback;
  const value = parsePosition(text);
  if (value !== null) return value;
  throw new HttpProblem('bad-range', `'${name}' must be an integer from 1`);
}

/** Reads digits without a leading zero as a safe integer from 1; null for any other text. */
export function parsePosition(text: string): number | null {
  const value = /^[1-9][0-9]*$/.test(text) ? Number(text) : 0;
  return Number.isSafeInteger(value) && value > 0 ? value : null;
}
