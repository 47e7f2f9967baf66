/**
 * An answer that may wait for a write concern; the wait ends when the client disconnects. There is one for each
 * append, so it has fields, which cost less than a closure for each step.
 */
import type { Accepted } from '../core/appends.ts';
import type { WaitEnd, Waiter } from '../core/concerns/write-concern.ts';
import type { Master } from '../core/master.ts';
import type { Refusal } from '../core/refusal.ts';
import type { WaitPreference } from '../http/headers.ts';
import { HttpProblem, problemOf } from '../http/problems.ts';
import type { HeaderList, RequestContext } from '../http/request-context.ts';
import type { NodePort, WaitListener } from './ports.ts';

export abstract class HeldAnswer implements WaitListener {
  protected readonly port: NodePort;
  /** The master that took the request; it may be over when the wait ends. */
  protected master!: Master;
  protected readonly context: RequestContext;
  readonly #preference: WaitPreference | null;
  #accepted: Accepted | null = null;
  #waiter: Waiter | null = null;

  constructor(port: NodePort, context: RequestContext, preference: WaitPreference | null) {
    this.port = port;
    this.context = context;
    this.#preference = preference;
  }

  /** The members of the answer, among them which nodes hold it now. */
  protected abstract members(accepted: Accepted): object;

  /** Sends the members with these headers, and with its own. */
  protected abstract send(
    members: object,
    accepted: Accepted,
    end: WaitEnd,
    headers: HeaderList,
  ): void;

  /** Answers at once, or when the wait ends; throws the problem of a refusal. */
  answerTo(outcome: Accepted | Refusal): void {
    if (outcome.kind === 'refused') throw problemOf(outcome);
    this.master = this.port.core.master as Master;
    this.#accepted = outcome;
    const { wait } = outcome;
    if (typeof wait === 'string') {
      // Computed now: until the answer leaves, a node that holds it may turn out to have restarted.
      const members = this.members(outcome);
      this.context.answerSoon(() => this.#answer(wait, members));
      return;
    }
    this.#waiter = wait;
    this.context.res.on('close', () => {
      if (this.#waiter !== null) this.master.cancel(this.#waiter);
    });
  }

  over(end: WaitEnd): void {
    this.#answer(end, this.members(this.#accepted as Accepted));
  }

  #answer(end: WaitEnd, members: object): void {
    this.#waiter = null;
    if (end === 'stopping' || end === 'fenced') {
      const isElected = this.port.core.members !== null;
      sendUnheld(this.context, end === 'fenced' && isElected ? 'stepped-down' : end, members);
      return;
    }
    const headers = this.context.logHeaders();
    if (this.#preference !== null) headers.push('Preference-Applied', this.#preference.applied);
    this.send(members, this.#accepted as Accepted, end, headers);
  }
}

const UNHELD = {
  stopping: [
    'shutting-down',
    'the message is stored, but this node stops before the write concern holds',
  ],
  fenced: [
    'fenced',
    'the message is stored here, but another master has taken over and may not have it; ' +
      'send it there again, with the same idempotency key',
  ],
  'stepped-down': [
    'fenced',
    'the message is stored here, but this node is not the master any more, and the next one may not have it; ' +
      'send it there again, with the same idempotency key',
  ],
} as const;

/** Answers 503: the message is stored here, but this run of the master will not see its write concern hold. */
function sendUnheld(context: RequestContext, end: keyof typeof UNHELD, members: object): void {
  const [problem, detail] = UNHELD[end];
  context.sendProblem(new HttpProblem(problem, detail, { ...members, appended: true }));
}

/** When the wait of a client with this preference ends, in ms on the core's clock; Infinity for never. */
export function deadlineOf(port: NodePort, preference: WaitPreference | null): number {
  return preference === null ? Number.POSITIVE_INFINITY : port.now() + preference.waitMs;
}
