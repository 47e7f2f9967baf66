/**
 * `GET|PUT /secondaries/{id}/faults` on a master: passed on to the secondary, so that who looks at the
 * cluster by way of its master alone, as a page in a browser does, can disturb it as well.
 */
import type { Faults } from '../core/secondary.ts';
import { FAULTS_ANSWER_MS } from '../http/limits.ts';
import { HttpProblem } from '../http/problems.ts';
import { parseQuery } from '../http/query.ts';
import { type RequestContext, sendJson } from '../http/request-context.ts';
import { JSON_ONLY, type Route, route } from '../http/server.ts';
import { bearerHeader, readAnswer, readProblem, reasonOf } from '../replication/peer-answers.ts';
import { fetchPeer } from '../replication/peer-fetch.ts';
import { parseFaults, parseJson } from '../wire/schema.ts';
import { readFaults } from './faults.ts';

export interface SecondaryAddress {
  readonly id: string;
  readonly url: string;
}

export interface SecondaryFaultOptions {
  readonly secondaries: readonly SecondaryAddress[];
  /** What clients must send to the secondaries as well; null for nothing. */
  readonly apiToken: string | null;
}

/** The two routes. */
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

/** A name as it stands in a path; what is no good encoding stays as it is, and names nobody. */
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
  const json = { 'content-type': 'application/json' };
  const change =
    faults === null ? {} : { method: 'PUT', headers: json, body: JSON.stringify(faults) };
  const headers = { ...change.headers, ...bearerHeader(token) };
  let why: string;
  try {
    const response = await fetchPeer(`${url}/faults`, {
      ...change,
      headers,
      redirect: 'error',
      signal,
    });
    if (response.status === 200) {
      return parseFaults(parseJson(await readAnswer(response, signal)));
    }
    why = `HTTP ${response.status}${(await readProblem(response, signal, token)).text}`;
    if (response.status === 404) {
      throw new HttpProblem('not-found', `${id} takes no faults: it needs FAULT_INJECTION=true`);
    }
  } catch (error) {
    if (error instanceof HttpProblem && error.problem === 'not-found') throw error;
    why = reasonOf(error);
  }
  throw new HttpProblem('no-answer', `${id} does not answer as it should: ${why}`);
}
