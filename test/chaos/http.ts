/** One HTTP request with a time limit: ends with a whole answer or an error, and never hangs. */
import { Agent, type IncomingHttpHeaders, request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: callers look into bodies of every shape
  readonly body: any;
}

export interface CallOptions {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  /** Sent as JSON. */
  readonly body?: object;
  readonly timeoutMs?: number;
}

const agent = new Agent({ keepAlive: true, maxSockets: 256 });

/** Asks; rejects when there is no whole answer within `timeoutMs` (default 2 s). */
export function call(url: string, options: CallOptions = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body, timeoutMs = 2000 } = options;
  const bytes = body === undefined ? null : Buffer.from(JSON.stringify(body));
  const about =
    bytes === null ? {} : { 'content-type': 'application/json', 'content-length': bytes.length };
  return new Promise((resolve, reject) => {
    const req = request(url, { method, agent, headers: { ...about, ...headers } });
    const timer = setTimeout(
      () => req.destroy(new Error(`no answer in ${timeoutMs} ms`)),
      timeoutMs,
    );
    const fail = (error: Error) => {
      clearTimeout(timer);
      reject(error);
    };
    req.on('error', fail);
    req.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', fail);
      response.on('aborted', () => fail(new Error('the answer was cut off')));
      response.on('end', () => {
        clearTimeout(timer);
        const text = Buffer.concat(chunks).toString();
        try {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: text === '' ? null : JSON.parse(text),
          });
        } catch {
          reject(new Error(`HTTP ${response.statusCode} without JSON: ${text.slice(0, 200)}`));
        }
      });
    });
    req.end(bytes);
  });
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
