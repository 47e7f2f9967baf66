/**
 * `GET|PUT /faults` on a secondary: the artificial delays and errors of its frames. And `/secondaries/{id}/faults` on a
 * master, which passes the request on to the secondary: the page in a browser may call the master only.
 */
import type { Faults } from '../core/secondary.ts';
import { readBody } from '../http/body.ts';
import { requireContentType } from '../http/headers.ts';
import { FAULTS_ANSWER_MS, SMALL_BODY_BYTES_MAX } from '../http/limits.ts';
import { HttpProblem } from '../http/problems.ts';
import { parseQuery } from '../http/query.ts';
import { type RequestContext, sendJson } from '../http/request-context.ts';
import { JSON_ONLY, type Route, route } from '../http/server.ts';
import { callPeer, PeerRefusal, readAnswer, reasonOf } from '../replication/peer-answers.ts';
import { parseFaults } from '../wire/faults.ts';
import { parseJson } from '../wire/fields.ts';
import type { NodePort } from './ports.ts';

/** The routes of `GET|PUT /faults`. */
export function faultRoutes(port: NodePort): Route[] {
  const send = ({ res }: RequestContext) =>
    sendJson(res, 200, JSON.stringify(port.core.secondary.faults));
  return [
    route('GET', '/faults', 'client', JSON_ONLY, (context) => {
      parseQuery(context.query, []);
      send(context);
    }),
    route('PUT', '/faults', 'client', JSON_ONLY, (context) => {
      readFaults(context, (faults) => {
        port.setFaults(faults);
        send(context);
      });
    }),
  ];
}

/** Reads the body of `PUT /faults`; 400 or 415 if it is invalid. */
function readFaults(context: RequestContext, onFaults: (faults: Partial<Faults>) => void): void {
  parseQuery(context.query, []);
  requireContentType(context.req, 'application/json');
  readBody(context, SMALL_BODY_BYTES_MAX, (body) => onFaults(parseFaults(parseJson(body))));
}

interface SecondaryAddress {
  readonly id: string;
  readonly url: string;
}

export interface SecondaryFaultOptions {
  readonly secondaries: readonly SecondaryAddress[];
  /** The token of clients, which secondaries require as well; null for none. */
  readonly apiToken: string | null;
}

/** The routes of `GET|PUT /secondaries/{id}/faults`. */
export function secondaryFaultRoutes(options: SecondaryFaultOptions): Route[] {
  const path = '/secondaries/{}/faults';
  const passOn = async (context: RequestContext, faults: Partial<Faults> | null) => {
    const answer = await ask(addressOf(context, options), options.apiToken, faults);
    sendJson(context.res, 200, JSON.stringify(answer));
  };
  return [
    route('GET', path, 'client', JSON_ONLY, (context) => {
      parseQuery(context.query, []);
      return passOn(context, null);
    }),
    route('PUT', path, 'client', JSON_ONLY, (context) => {
      addressOf(context, options);
      readFaults(context, (faults) => {
        passOn(context, faults).catch((error: unknown) => context.fail(error));
      });
    }),
  ];
}

function addressOf(
  { parameter }: RequestContext,
  { secondaries }: SecondaryFaultOptions,
): SecondaryAddress {
  const secondary = secondaries.find(({ id }) => id === decoded(parameter));
  if (secondary !== undefined) return secondary;
  const ids = secondaries.map(({ id }) => id);
  const there = ids.length === 0 ? 'there is none' : `there are ${ids.join(', ')}`;
  throw new HttpProblem('not-found', `there is no such secondary; ${there}`);
}

/** Decodes a name in a path; a text with a broken encoding stays as it is, and matches no name. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function ask(
  { id, url }: SecondaryAddress,
  token: string | null,
  faults: Partial<Faults> | null,
): Promise<Partial<Faults>> {
  const signal = AbortSignal.timeout(FAULTS_ANSWER_MS);
  const headers = { 'content-type': 'application/json' };
  const change = faults === null ? {} : { method: 'PUT', headers, body: JSON.stringify(faults) };
  try {
    const response = await callPeer(`${url}/faults`, token, signal, change);
    return parseFaults(parseJson(await readAnswer(response, signal)));
  } catch (error) {
    if (error instanceof PeerRefusal && error.status === 404) {
      throw new HttpProblem('not-found', `${id} takes no faults: it needs FAULT_INJECTION=true`);
    }
    const why = reasonOf(error);
    throw new HttpProblem('no-answer', `${id} does not answer as it should: ${why}`);
  }
}
