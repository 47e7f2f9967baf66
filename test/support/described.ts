/**
 * Every answer of a real node that a test gets is held against `openapi.yaml`. Which nodes are real, their
 * processes say here; fakes may answer as they like. A test that expects its requests to fail does not
 * hide what was found: its process fails at the end.
 */
import type { IncomingMessage } from 'node:http';
import type { Pointer } from '../openapi/document.ts';
import {
  type Answered,
  checkEvent,
  checkHead,
  checkResponse,
  nameOf,
} from '../openapi/responses.ts';

/** The ports that real nodes listen on. */
export const realPorts = new Set<number>();

/** What was found so far. */
export const undescribed: unknown[] = [];
process.on('exit', () => {
  if (undescribed.length === 0) return;
  for (const error of undescribed) console.error(error);
  process.exitCode = 1;
});

/** What holds whole answers of a port against the description, if a real node listens there now. */
export function answersOf(port: number): (answered: Answered, body: string) => void {
  if (!realPorts.has(port)) return () => {};
  return (answered, body) => noting(() => checkResponse(answered, body));
}

/** The same for the head of an answer of events: gives what holds each event against the description. */
export function eventsOf(port: number): (answered: Answered) => (block: string) => void {
  if (!realPorts.has(port)) return () => () => {};
  return (answered) => {
    const mediaType = noting(() => checkHead(answered)) as Pointer;
    return (block) => noting(() => checkEvent(mediaType, block, nameOf(answered)));
  };
}

function noting<Value>(check: () => Value): Value {
  try {
    return check();
  } catch (error) {
    undescribed.push(error);
    throw error;
  }
}

/** The headers of an answer, one value for each name. */
export function headersOf({ headersDistinct }: IncomingMessage): [name: string, value: string][] {
  return Object.entries(headersDistinct).map(([name, values = []]) => [name, values.join(', ')]);
}
