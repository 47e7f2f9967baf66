/** A small HTTP client for tests: returns status, headers and parsed body. Answers of real nodes are checked against openapi.yaml. */
import { answersOf } from './described.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
  readonly body: any;
}

export interface RequestOptions {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal;
}

export async function request(url: string, options: RequestOptions = {}): Promise<Answer> {
  const { port, pathname, search } = new URL(url);
  const hold = answersOf(Number(port));
  const response = await fetch(url, options as RequestInit);
  const text = await response.text();
  const { status, headers } = response;
  const { method = 'GET' } = options;
  hold({ method, target: `${pathname}${search}`, status, headers }, text);
  const isJson = /[/+]json$/.test(headers.get('content-type') ?? '');
  const body = isJson && text !== '' ? JSON.parse(text) : text;
  return { status, headers, body };
}

/** POSTs a body to the master's `/messages`. */
export function append(
  master: { readonly url: string },
  body: object,
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<Answer> {
  return request(`${master.url}/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** PUTs a JSON body, such as faults. */
export function put(
  url: string,
  body: object,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return request(url, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

/** Changes the faults of a secondary that permits it. */
export async function setFaults(node: { readonly url: string }, faults: object): Promise<void> {
  const { status } = await put(`${node.url}/faults`, faults);
  if (status !== 200) throw new Error(`the faults were answered with ${status}`);
}

/** The messages a node shows. */
export async function messages(node: { readonly url: string }): Promise<string[]> {
  return (await request(`${node.url}/messages`)).body;
}

/** The body of a node's `/health`. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
export async function health(node: { readonly url: string }): Promise<any> {
  return (await request(`${node.url}/health`)).body;
}

/** Sends frames to a secondary's `/replicate`, one line each, without a newline at the end. */
export function replicate(
  node: { readonly url: string },
  frames: readonly (object | string)[],
  headers: Record<string, string> = {},
): Promise<Answer> {
  const lines = frames.map((frame) => (typeof frame === 'string' ? frame : JSON.stringify(frame)));
  return request(`${node.url}/replicate`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson', ...headers },
    body: lines.join('\n'),
  });
}

/** The acks in the answer of `/replicate`. */
export function acks(answer: Answer): { length: number; [field: string]: unknown }[] {
  return answer.body
    .trim()
    .split('\n')
    .map((line: string) => JSON.parse(line));
}
