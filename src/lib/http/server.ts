/**
 * The HTTP server of every node: finds the route, checks method, token and `Accept` in that order, runs the
 * handler, and turns every failure into a problem. It decides nothing about the log.
 */
import http from 'node:http';
import type { Socket } from 'node:net';
import { BufferedRequest, RequestClass } from './buffered-request.ts';
import { ConnectionTracker } from './connections.ts';
import { hasBearerToken, preferredType } from './headers.ts';
import {
  CONNECTIONS_MAX,
  DISCARD_MS,
  HEADER_BYTES_MAX,
  HEADERS_TIMEOUT_MS,
  KEEP_ALIVE_TIMEOUT_MS,
  READER_STALL_MS,
  TCP_KEEP_ALIVE_MS,
} from './limits.ts';
import { HttpProblem } from './problems.ts';
import { RequestContext, type RequestLog } from './request-context.ts';
import { requestIdOf } from './trace.ts';

export interface Route {
  /** GET answers HEAD as well. */
  readonly method: 'GET' | 'POST' | 'PUT';
  /** A path; may contain `{}` once, for one segment. */
  readonly path: string;
  /** Which token it requires: none, `API_TOKEN`, or `CLUSTER_TOKEN`. */
  readonly access: 'open' | 'client' | 'cluster';
  /** The media types it can answer with, the preferred one first. */
  readonly produces: readonly string[];
  readonly handle: (context: RequestContext) => void | Promise<void>;
  /** The detail of a 405 for another method. */
  readonly otherMethods?: string;
}

/** A route from its parts, so that a table of routes has one line for each. */
export function route(
  method: Route['method'],
  path: string,
  access: Route['access'],
  produces: Route['produces'],
  handle: Route['handle'],
): Route {
  return { method, path, access, produces, handle };
}

/** The media types of most routes. */
export const JSON_ONLY = ['application/json'] as const;

interface ServerOptions {
  readonly routes: readonly Route[];
  readonly apiToken: string | null;
  readonly clusterToken: string | null;
  readonly logger: RequestLog;
}

export interface NodeServer {
  readonly server: http.Server;
  readonly connections: ConnectionTracker;
}

/** A server for these routes that does not listen yet. */
export function createServer(options: ServerOptions): NodeServer {
  const { logger } = options;
  const router = new Router(options);
  const server = boundedServer();
  const connections = new ConnectionTracker();
  const onRequest = (
    req: http.IncomingMessage,
    res: http.ServerResponse,
    handle: (context: RequestContext) => void | Promise<void>,
  ) => {
    // Handlers learn by 'close' of a connection that breaks. Its 'error' needs a listener, or it ends the process;
    // a `BufferedRequest` emits none without one.
    if (!(req instanceof BufferedRequest)) req.on('error', ignore);
    res.on('error', ignore);
    if (connections.isEnding(req.socket)) return;
    const context = new RequestContext(req, res, logger);
    if (!connections.track(context)) {
      req.socket.destroy();
      return;
    }
    try {
      handle(context)?.catch((error: unknown) => context.fail(error));
    } catch (error) {
      context.fail(error);
    }
  };
  server.on('request', (req, res) => onRequest(req, res, (context) => router.dispatch(context)));
  server.on('checkExpectation', (req, res) => onRequest(req, res, refuseExpectation));
  server.on('connect', (_, socket: Socket) => {
    const headers = { Allow: 'GET, HEAD, POST, PUT' };
    const problem = new HttpProblem('method-not-allowed', 'this node is no proxy', {}, headers);
    answerBrokenRequest(problem, socket);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (connections.endAfterAnswers(socket)) return;
    if (error.code === 'ECONNRESET') socket.destroy();
    else answerBrokenRequest(brokenRequestProblem(error.code), socket);
  });
  server.on('timeout', (socket: Socket) => {
    // The connection is idle, or its client does not read. One that waits for an answer may stay open without limit.
    if (socket.writableLength > 0 || !connections.isAwaited(socket)) socket.destroy();
  });
  return { server, connections };
}

/** A `node:http` server with every time-out and bound set. */
function boundedServer(): http.Server {
  const server = http.createServer({
    IncomingMessage: RequestClass,
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: HEADERS_TIMEOUT_MS,
    // Bodies have a time limit of their own (http/body.ts); a stream may last without limit.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    connectionsCheckingInterval: 1000,
    // Without TCP keep-alive a client that vanished would keep its connection for ever. Bun does not support it.
    keepAlive: true,
    keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
    noDelay: true,
    // `requireHost` checks it, so that the answer is a problem.
    requireHostHeader: false,
  });
  // By default node silently drops headers beyond the thousandth, perhaps an Idempotency-Key. Their bytes are
  // bounded anyway.
  server.maxHeadersCount = 0;
  server.maxConnections = CONNECTIONS_MAX;
  server.timeout = READER_STALL_MS;
  return server;
}

function ignore(): void {}

function refuseExpectation(): never {
  throw new HttpProblem('expectation-failed', "only '100-continue' can be expected");
}

/** Finds the route of a request, and checks that the client may use it. */
class Router {
  readonly #options: ServerOptions;
  /** Routes without a parameter, by path; nearly every request asks for one of them. */
  readonly #exact = new Map<string, Map<string | undefined, Route>>();

  constructor(options: ServerOptions) {
    this.#options = options;
    for (const route of options.routes) {
      if (route.path.includes('{}')) continue;
      const byMethod = this.#exact.get(route.path) ?? new Map<string, Route>();
      this.#exact.set(route.path, byMethod.set(route.method, route));
    }
  }

  dispatch(context: RequestContext): void | Promise<void> {
    const { req } = context;
    requireHost(req);
    const method = req.method === 'HEAD' ? 'GET' : req.method;
    const route = this.#exact.get(context.path)?.get(method) ?? this.#search(method, context);
    requireToken(req, route, this.#options);
    // A cache must not serve this answer, even a refusal, to a client with another `Accept`.
    if (route.produces.length > 1) context.res.setHeader('Vary', 'Accept');
    const type = preferredType(req.headers.accept, route.produces);
    if (type === null) {
      const available = route.produces;
      const detail = `this can only be had as ${available.join(' or ')}`;
      throw new HttpProblem('not-acceptable', detail, { available });
    }
    context.mediaType = type;
    return route.handle(context);
  }

  /** The route with a parameter, which is set in the context; 404 or 405 if there is none. */
  #search(method: string | undefined, context: RequestContext): Route {
    const { path } = context;
    const matches = this.#options.routes.filter((route) => parameterOf(route.path, path) !== null);
    if (matches.length === 0) {
      throw new HttpProblem('not-found', `there is no ${path.slice(0, 100)}`);
    }
    const route = matches.find((match) => match.method === method);
    if (route === undefined) throw methodNotAllowed(matches);
    context.parameter = parameterOf(route.path, path) ?? '';
    return route;
  }
}

/** Refuses a request without a `Host` header, or with several (RFC 9112, 3.2). */
function requireHost({ rawHeaders, httpVersion }: http.IncomingMessage): void {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  if (hosts === 1 || (hosts === 0 && httpVersion === '1.0')) return;
  const what = hosts === 0 ? 'is missing' : 'is given twice';
  throw new HttpProblem('bad-request', `the Host header ${what}`, {}, { Connection: 'close' });
}

/** The segment of `path` that matches `{}` ('' for a pattern without one); null if the path does not match. */
function parameterOf(pattern: string, path: string): string | null {
  const [prefix = '', suffix] = pattern.split('{}');
  if (suffix === undefined) return pattern === path ? '' : null;
  const isLongEnough = path.length > prefix.length + suffix.length;
  if (!isLongEnough || !path.startsWith(prefix) || !path.endsWith(suffix)) return null;
  const parameter = path.slice(prefix.length, path.length - suffix.length);
  return parameter.includes('/') ? null : parameter;
}

function methodNotAllowed(matches: readonly Route[]): HttpProblem {
  const methods = matches.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  const allow = methods.join(', ');
  const hint = matches.find((match) => match.otherMethods !== undefined)?.otherMethods;
  const detail = hint ?? `the methods here are ${allow}`;
  return new HttpProblem('method-not-allowed', detail, {}, { Allow: allow });
}

function requireToken(req: http.IncomingMessage, route: Route, options: ServerOptions): void {
  if (route.access === 'open') return;
  const token = route.access === 'client' ? options.apiToken : options.clusterToken;
  if (token === null || hasBearerToken(req, token)) return;
  const name = route.access === 'client' ? 'API_TOKEN' : 'CLUSTER_TOKEN';
  throw new HttpProblem(
    'unauthorized',
    `send 'Authorization: Bearer <${name}>'`,
    {},
    { 'WWW-Authenticate': 'Bearer' },
  );
}

/** Answers on the socket itself: what node's parser refuses never becomes a request. */
function answerBrokenRequest(problem: HttpProblem, socket: Socket): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.on('error', ignore);
  const requestId = requestIdOf(null);
  const body = problem.body(requestId);
  const headers = Object.entries({
    ...problem.allHeaders(requestId),
    'Content-Length': String(Buffer.byteLength(body)),
    Connection: 'close',
  });
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const reason = http.STATUS_CODES[problem.status];
  socket.end(`HTTP/1.1 ${problem.status} ${reason}\r\n${lines}\r\n${body}`);
  // The client's half of the connection would stay open until the client closes it.
  const timer = setTimeout(() => socket.destroy(), DISCARD_MS).unref();
  socket.once('close', () => clearTimeout(timer));
}

function brokenRequestProblem(code: string | undefined): HttpProblem {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new HttpProblem('headers-too-large', `all headers may have ${HEADER_BYTES_MAX} bytes`);
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new HttpProblem(
      'request-timeout',
      `the headers must arrive within ${HEADERS_TIMEOUT_MS} ms`,
    );
  }
  return new HttpProblem('bad-request', 'this is not HTTP/1.1');
}
