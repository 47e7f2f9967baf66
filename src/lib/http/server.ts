/**
 * The HTTP server of every node: finds the route, checks method, token and `Accept` in that order,
 * runs the handler, and turns whatever goes wrong into a problem. It decides nothing about the log.
 */
import http from 'node:http';
import type { Socket } from 'node:net';
import { ClientGone } from './body.ts';
import { ConnectionTracker } from './connections.ts';
import { hasBearerToken, isAcceptable } from './headers.ts';
import {
  CONNECTIONS_MAX,
  DISCARD_MS,
  HEADER_BYTES_MAX,
  HEADERS_TIMEOUT_MS,
  JOINED_BYTES_MAX,
  KEEP_ALIVE_TIMEOUT_MS,
  READER_STALL_MS,
} from './limits.ts';
import type { RequestLog } from './ports.ts';
import { HttpProblem } from './problems.ts';

/** One request on its way to a handler. */
export interface Call {
  readonly req: http.IncomingMessage;
  readonly res: http.ServerResponse;
  /** What stands for `{}` in the route's path; empty if it has none. */
  readonly parameter: string;
  /** The query, without its question mark. */
  readonly query: string;
}

export interface Route {
  /** GET answers HEAD as well. */
  readonly method: 'GET' | 'POST' | 'PUT';
  /** A path; `{}` at its end stands for one segment. */
  readonly path: string;
  /** Whose token opens it: nobody's, clients', or the cluster's. */
  readonly access: 'open' | 'client' | 'cluster';
  readonly produces: string;
  readonly handle: (call: Call) => void | Promise<void>;
  /** What to tell those who come with another method. */
  readonly otherMethods?: string;
}

export interface ServerOptions {
  readonly routes: readonly Route[];
  readonly apiToken: string | null;
  readonly clusterToken: string | null;
  readonly logger: RequestLog;
}

export interface NodeServer {
  readonly server: http.Server;
  readonly connections: ConnectionTracker;
}

/** A server for these routes, not listening yet. */
export function createServer(options: ServerOptions): NodeServer {
  const { routes, logger } = options;
  const server = http.createServer({
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: HEADERS_TIMEOUT_MS,
    // Bodies have a time limit of their own where they are read; an exchange may last for ever.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    connectionsCheckingInterval: 1000,
    noDelay: true,
    // Checked here, so that its answer is a problem like all others.
    requireHostHeader: false,
  });
  // By default headers beyond the thousandth are dropped in silence, an Idempotency-Key among them;
  // their bytes are bounded anyway.
  server.maxHeadersCount = 0;
  server.maxConnections = CONNECTIONS_MAX;
  server.timeout = READER_STALL_MS;
  const connections = new ConnectionTracker();
  const onRequest = (req: http.IncomingMessage, res: http.ServerResponse, handle: Handler) => {
    // A connection that breaks is no error of ours; handlers learn of it by 'close'.
    req.on('error', () => {});
    res.on('error', () => {});
    if (!connections.track(req, res)) {
      req.socket.destroy();
      return;
    }
    res.once('finish', () => limitDiscarding(req));
    const onError = (error: unknown) => answerError(error, req, res, logger);
    try {
      handle(req, res)?.catch(onError);
    } catch (error) {
      onError(error);
    }
  };
  server.on('request', (req, res) =>
    onRequest(req, res, () => dispatch(routes, options, req, res)),
  );
  server.on('checkExpectation', (req, res) => onRequest(req, res, refuseExpectation));
  server.on('connect', (_, socket: Socket) => answerBrokenRequest(noTunnels(), socket));
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (connections.endAfterAnswers(socket)) return;
    if (error.code === 'ECONNRESET') socket.destroy();
    else answerBrokenRequest(brokenRequestProblem(error.code), socket);
  });
  server.on('timeout', (socket: Socket) => {
    // Idle, or its answer is not read; but who waits for an answer may wait for ever.
    if (socket.writableLength > 0 || !connections.isAwaited(socket)) socket.destroy();
  });
  return { server, connections };
}

type Handler = (req: http.IncomingMessage, res: http.ServerResponse) => Promise<void> | undefined;

function refuseExpectation(): never {
  throw new HttpProblem('expectation-failed', "only '100-continue' can be expected");
}

function noTunnels(): HttpProblem {
  const headers = { Allow: 'GET, HEAD, POST, PUT' };
  return new HttpProblem('method-not-allowed', 'this node is no proxy', {}, headers);
}

function dispatch(
  routes: readonly Route[],
  options: ServerOptions,
  req: http.IncomingMessage,
  res: http.ServerResponse,
): Promise<void> | undefined {
  requireHost(req);
  const [path, query] = splitTarget(req.url ?? '/');
  const matches = routes.filter((route) => parameterOf(route.path, path) !== null);
  if (matches.length === 0) throw new HttpProblem('not-found', `there is no ${path.slice(0, 100)}`);
  const method = req.method === 'HEAD' ? 'GET' : req.method;
  const route = matches.find((match) => match.method === method);
  if (route === undefined) throw methodNotAllowed(matches);
  requireToken(req, route, options);
  if (!isAcceptable(req.headers.accept, route.produces)) {
    throw new HttpProblem('not-acceptable', `this can only be had as ${route.produces}`, {
      available: [route.produces],
    });
  }
  const parameter = parameterOf(route.path, path) ?? '';
  return route.handle({ req, res, parameter, query }) ?? undefined;
}

/** Refuses a request without a `Host` header, or with several (RFC 9112, 3.2). */
function requireHost(req: http.IncomingMessage): void {
  const hosts = req.rawHeaders.filter((name, i) => i % 2 === 0 && /^host$/i.test(name)).length;
  if (hosts === 1 || (hosts === 0 && req.httpVersion === '1.0')) return;
  const what = hosts === 0 ? 'is missing' : 'is given twice';
  throw new HttpProblem('bad-request', `the Host header ${what}`, {}, { Connection: 'close' });
}

/** Path and query of a request target in origin form or absolute form. */
function splitTarget(target: string): [path: string, query: string] {
  const origin = /^https?:\/\/[^/?]*/i.exec(target)?.[0] ?? '';
  const relative = target.slice(origin.length);
  const mark = relative.indexOf('?');
  const path = mark < 0 ? relative : relative.slice(0, mark);
  return [path === '' ? '/' : path, mark < 0 ? '' : relative.slice(mark + 1)];
}

/** What stands for `{}` in `path` ('' for a pattern without one); null if it does not match. */
function parameterOf(pattern: string, path: string): string | null {
  if (!pattern.endsWith('{}')) return pattern === path ? '' : null;
  const prefix = pattern.slice(0, -2);
  if (!path.startsWith(prefix) || path.length === prefix.length) return null;
  const parameter = path.slice(prefix.length);
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
  const tokens = { open: null, client: options.apiToken, cluster: options.clusterToken };
  const token = tokens[route.access];
  if (token === null || hasBearerToken(req, token)) return;
  const name = route.access === 'client' ? 'API_TOKEN' : 'CLUSTER_TOKEN';
  throw new HttpProblem(
    'unauthorized',
    `send 'Authorization: Bearer <${name}>'`,
    {},
    { 'WWW-Authenticate': 'Bearer' },
  );
}

/** Answers with JSON text, or with pieces of it, whole. */
export function sendJson(
  res: http.ServerResponse,
  status: number,
  body: string | readonly Uint8Array[],
  headers: Readonly<Record<string, string>> = {},
): void {
  const pieces = typeof body === 'string' ? [Buffer.from(body)] : body;
  res.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': pieces.reduce((sum, piece) => sum + piece.length, 0),
    ...headers,
  });
  endWith(res, pieces);
}

/**
 * Writes the pieces and ends the answer. Large ones are views of the log and stay so: an answer may
 * wait for its reader for long, and one packet may ask for thousands of them.
 */
export function endWith(res: http.ServerResponse, pieces: readonly Uint8Array[]): void {
  const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  if (bytes <= JOINED_BYTES_MAX) {
    res.end(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces));
    return;
  }
  res.cork();
  for (const piece of pieces) res.write(piece);
  res.end();
}

/** Answers with a problem, if an answer can still be given; otherwise ends the connection. */
export function sendProblem(res: http.ServerResponse, problem: HttpProblem): void {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  sendJson(res, problem.status, problem.body(), problem.allHeaders());
}

function answerError(
  error: unknown,
  req: http.IncomingMessage,
  res: http.ServerResponse,
  logger: RequestLog,
): void {
  if (error instanceof ClientGone) return;
  if (error instanceof HttpProblem) {
    logger.debug('request-refused', { method: req.method, problem: error.problem });
    sendProblem(res, error);
    return;
  }
  const stack = error instanceof Error ? error.stack : String(error);
  logger.error('handler-failed', { method: req.method, stack });
  sendProblem(res, new HttpProblem('internal-error', 'see the log of this node'));
}

/** An answer may come before the body has; what is left of it is thrown away, but not for ever. */
function limitDiscarding(req: http.IncomingMessage): void {
  if (req.complete) return;
  const timer = setTimeout(() => req.socket.destroy(), DISCARD_MS).unref();
  req.once('close', () => clearTimeout(timer));
  req.once('end', () => clearTimeout(timer));
}

/** What node's parser would not take never becomes a request; it is answered on the socket. */
function answerBrokenRequest(problem: HttpProblem, socket: Socket): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.on('error', () => {});
  const body = problem.body();
  const headers = Object.entries({
    ...problem.allHeaders(),
    'Content-Length': String(Buffer.byteLength(body)),
    Connection: 'close',
  });
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const reason = http.STATUS_CODES[problem.status];
  socket.end(`HTTP/1.1 ${problem.status} ${reason}\r\n${lines}\r\n${body}`);
  // Its other half would stay open for as long as the client likes.
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
