/**
 * Turns every failure into problem+json (RFC 9457), never with a stack. Handlers throw an `HttpProblem` or pass on
 * the core's refusal; none writes an error status itself.
 */
import type { Refusal } from '../core/refusal.ts';

/** The status and title of every problem. */
export const PROBLEMS = {
  'bad-json': [400, 'The body is not valid JSON'],
  'bad-request': [400, 'The request is not valid'],
  'bad-w': [400, 'The write concern is not valid'],
  'bad-range': [400, 'The range is not valid'],
  'bad-idempotency-key': [400, 'The idempotency key is not valid'],
  'w-exceeds-cluster': [400, 'The write concern asks for more nodes than there are'],
  unauthorized: [401, 'A valid bearer token is required'],
  'not-found': [404, 'There is nothing here'],
  'method-not-allowed': [405, 'The method is not allowed here'],
  'not-acceptable': [406, 'No acceptable media type can be produced'],
  'request-timeout': [408, 'The request took too long to arrive'],
  diverged: [409, 'Another message has this position'],
  gap: [409, 'The frame is too far ahead'],
  'stale-epoch': [409, 'A newer master has written here'],
  'log-mismatch': [409, 'This node holds another log'],
  'boot-mismatch': [409, 'This is another incarnation of the node'],
  'members-mismatch': [409, 'The lists of members differ'],
  'epochs-missing': [409, 'The two logs have not been compared yet'],
  'content-too-large': [413, 'The content is too large'],
  'unsupported-media-type': [415, 'The media type is not supported'],
  'expectation-failed': [417, 'The expectation cannot be met'],
  'not-master': [421, 'This node is not the master'],
  'idempotency-key-reused': [422, 'The idempotency key belongs to another message'],
  'headers-too-large': [431, 'The headers are too large'],
  'internal-error': [500, 'Something went wrong inside'],
  'injected-fault': [500, 'An injected fault'],
  'not-caught-up': [503, 'This node does not show that message yet'],
  'no-answer': [503, 'The secondary does not answer'],
  'not-linearizable': [503, 'The read could not be confirmed in time'],
  'not-ready': [503, 'Not ready yet'],
  'no-master': [503, 'No master is known'],
  'handover-failed': [503, 'The master has not changed'],
  'not-recovered': [503, 'This node has not taken over'],
  overloaded: [503, 'Too much is waiting'],
  recovering: [503, 'The master is recovering its log'],
  fenced: [503, 'Another master has taken over'],
  'read-only': [503, 'Read-only: a quorum is missing'],
  'shutting-down': [503, 'The node is shutting down'],
  'log-full': [507, 'The log is full'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

type ProblemName = keyof typeof PROBLEMS;

/** After how many seconds a client may retry a 503. */
const RETRY_AFTER_S = 1;

/** A refusal on its way to the client. `fields` become members of the body. */
export class HttpProblem extends Error {
  readonly problem: ProblemName;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    problem: ProblemName,
    detail: string,
    fields: Readonly<Record<string, unknown>> = {},
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
    this.problem = problem;
    this.fields = fields;
    this.headers = headers;
  }

  get status(): number {
    return PROBLEMS[this.problem][0];
  }

  /** The body, as JSON text. */
  body(requestId: string): string {
    const [status, title] = PROBLEMS[this.problem];
    const type = `/problems/${this.problem}`;
    const { message: detail, fields } = this;
    return JSON.stringify({ type, title, status, detail, ...fields, requestId });
  }

  /** The headers that go with the body. */
  allHeaders(requestId: string): Record<string, string> {
    return {
      'Content-Type': 'application/problem+json',
      'X-Request-Id': requestId,
      ...(this.status === 503 ? { 'Retry-After': String(RETRY_AFTER_S) } : {}),
      ...(this.problem === 'shutting-down' ? { Connection: 'close' } : {}),
      ...this.headers,
    };
  }
}

/** The core's refusal as a problem. */
export function problemOf(refusal: Refusal): HttpProblem {
  const { kind: _, problem, ...fields } = refusal;
  // To a client a full disk is a full log.
  const name = problem === 'disk-full' ? 'log-full' : problem;
  return new HttpProblem(name, detailOf(refusal), fields);
}

function detailOf(refusal: Refusal): string {
  switch (refusal.problem) {
    case 'w-exceeds-cluster':
      return `w must be at most ${refusal.n}: the cluster has ${refusal.n} nodes, the master included`;
    case 'idempotency-key-reused':
      return `this key was used for another message, at seq ${refusal.seq}`;
    case 'read-only':
      return (
        `appends need ${refusal.required} available nodes, the master included; there are ` +
        `${refusal.available}; missing: ${refusal.missing.join(', ')}`
      );
    case 'recovering':
      return `this master has just started and is looking for the log to go on with${
        refusal.reason === null ? '' : `: ${refusal.reason}`
      }`;
    case 'fenced':
      return `${
        refusal.epoch === 0 ? 'another master' : `a master of epoch ${refusal.epoch}`
      } has taken over; this one takes no appends any more`;
    case 'not-master':
      return `appends go to the master, which is ${refusal.master.id} at ${refusal.master.url}`;
    case 'no-master':
      return `this node knows of no master${refusal.reason === null ? '' : `: ${refusal.reason}`}`;
    case 'members-mismatch':
      return `the members of this node are ${refusal.members}`;
    case 'disk-full':
      return 'there is no room on the disk or in the memory of this node; nothing was written';
    case 'boot-mismatch':
      return `the stream is for an incarnation of this node that is over; this one is ${refusal.bootId}`;
    case 'epochs-missing':
      return "the first frame of a stream must carry the 'epochs' of its writer's log";
    case 'shutting-down':
      return 'this node is stopping and takes no more appends';
    case 'overloaded':
      return `the limit of ${refusal.limit} is reached; try again later`;
    case 'log-full':
      return `the log takes ${refusal.used} of at most ${refusal.limit} bytes of memory, and this append does not fit`;
    case 'stale-epoch':
      return `this node has seen epoch ${refusal.epoch}`;
    case 'log-mismatch':
      return `this node holds the log ${refusal.logId}`;
    case 'diverged':
      return `from seq ${refusal.seq} on, this node has another message than the frame says`;
    case 'gap':
      return `this node shows ${refusal.length} messages, and the frame is too far ahead to hold`;
    case 'injected-fault':
      return refusal.applied ? 'the frame was applied, the ack withheld' : 'nothing was applied';
  }
}
