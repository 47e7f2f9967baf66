/**
 * JSON in, checked values out: what the readers of all formats share. Nothing is coerced, unknown fields of a
 * client are an error, and only named own fields are read, so that no `__proto__` in a body reaches an object of ours.
 */
import { EPOCH_MAX } from '../core/recovery/ballot.ts';
import { PEER_NAME_LENGTH_MAX } from '../http/limits.ts';
import { HttpProblem } from '../http/problems.ts';
import { isAffordableJson } from './json-size.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The fields of a JSON object, not checked yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** Parses UTF-8 JSON; 400 `bad-json` if it is not, 400 `bad-request` if it has too many values. */
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
    // The engine's own words quote the text, which would reach the log of a master by way of its peer.
    const position = /at position \d+/.exec((error as Error).message)?.[0] ?? 'or not all of it';
    throw new HttpProblem('bad-json', `the body is not valid JSON, ${position}`);
  }
}

/** The JSON object in these bytes; null if they are none. */
export function fieldsOf(bytes: Uint8Array): Fields | null {
  try {
    return requireObject(parseJson(bytes));
  } catch {
    return null;
  }
}

/** The value as an object; 400 `bad-request` if it is none, or has a field that is not among `known`. */
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

/** Whether it is an integer from 0. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** An epoch, or 0 for none yet. */
export function isEpochOrNone(value: unknown): value is number {
  return isCount(value) && value <= EPOCH_MAX;
}

/** Well-formed, because a name may have to travel in a header, as UTF-8. */
export function isPeerName(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    isWithin(value.length, 1, PEER_NAME_LENGTH_MAX) &&
    value.isWellFormed()
  );
}

/** Which incarnation of a master wrote; it may be left open. */
export function isWriter(value: unknown): value is string | null | undefined {
  return value === undefined || value === null || isPeerName(value);
}

/** Whether it is from `min` to `max`. */
export function isWithin(value: number, min: number, max: number): boolean {
  return value >= min && value <= max;
}

/** What a JSON value is, for people. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}

/** 400 `bad-request` with this detail. */
export function bad(detail: string): HttpProblem {
  return new HttpProblem('bad-request', detail);
}
