/**
 * Checks every answer of a real node that a test gets against `openapi.yaml`. The processes of real nodes are
 * registered here; fakes may answer as they like. A test that expects its requests to fail does not
 * hide a violation: its process fails at the end.
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

/** The violations so far. */
export const undescribed: unknown[] = [];
process.on('exit', () => {
  if (undescribed.length === 0) return;
  for (const error of undescribed) console.error(error);
  process.exitCode = 1;
});

/** A check of whole answers from this port, if a real node listens there now. */
export function answersOf(port: number): (answered: Answered, body: string) => void {
  if (!realPorts.has(port)) return () => {};
  return (answered, body) => noting(() => checkResponse(answered, body));
}

/** The same for the head of an answer of events; returns a check of each event. */
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
