/**
 * What the readers of all formats share: JSON in, checked values out. No value is converted to another type. Unknown
 * fields of a client are an error. Only named own fields are read, so that a `__proto__` in a body has no effect.
 */
import { EPOCH_MAX } from '../core/recovery/ballot.ts';
import { PEER_NAME_LENGTH_MAX } from '../http/limits.ts';
import { HttpProblem } from '../http/problems.ts';
import { isAffordableJson } from './json-size.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The fields of a JSON object, whose values are not checked yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** Parses JSON in UTF-8; 400 `bad-json` if it is invalid, 400 `bad-request` if it has too many values. */
export function parseJson(bytes: Uint8Array): unknown {
  if (!isAffordableJson(bytes)) throw bad('the body has too many values');
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw new HttpProblem('bad-json', 'the body is not valid UTF-8');
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    // The engine's message quotes the body, which would get into the log of the peer that sent it.
    const position = /at position \d+/.exec((error as Error).message)?.[0] ?? 'or not all of it';
    throw new HttpProblem('bad-json', `the body is not valid JSON, ${position}`);
  }
}

/** The JSON object in these bytes; null if they are anything else. */
export function fieldsOf(bytes: Uint8Array): Fields | null {
  try {
    return requireObject(parseJson(bytes));
  } catch {
    return null;
  }
}

/** The value as an object; 400 `bad-request` if it is not one, or has a field that is not in `known`. */
export function requireObject(value: unknown, known?: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw bad(`a JSON object is needed, not ${kindOf(value)}`);
  }
  const unknown = known && Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw bad(`unknown field '${unknown.slice(0, 100)}'; known are ${known?.join(', ')}`);
  }
  return value as Fields;
}

/** Whether it is a safe integer from 0. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Whether it is an epoch, or 0 for none. */
export function isEpochOrNone(value: unknown): value is number {
  return isCount(value) && value <= EPOCH_MAX;
}

/** Whether it is the name of a log or node: well-formed, because it may be sent in a header as UTF-8. */
export function isPeerName(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    isWithin(value.length, 1, PEER_NAME_LENGTH_MAX) &&
    value.isWellFormed()
  );
}

/** Whether it is the name of a writer, or no name. */
export function isWriter(value: unknown): value is string | null | undefined {
  return value === undefined || value === null || isPeerName(value);
}

/** The name in a percent-encoded header; null if there is none or it is not 1 to 255 characters. */
export function decodeName(text: string | string[] | undefined): string | null {
  if (typeof text !== 'string') return null;
  try {
    const name = decodeURIComponent(text);
    return name.length >= 1 && name.length <= PEER_NAME_LENGTH_MAX ? name : null;
  } catch {
    return null;
  }
}

/** Whether it is from `min` to `max`. */
export function isWithin(value: number, min: number, max: number): boolean {
  return value >= min && value <= max;
}

/** The type of a JSON value, in words. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}

/** 400 `bad-request` with this detail. */
export function bad(detail: string): HttpProblem {
  return new HttpProblem('bad-request', detail);
}
