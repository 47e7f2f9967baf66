/**
 * An answer that may wait for a write concern; a client that goes away meanwhile stops waiting. Every append
 * makes one, so it keeps what it needs in fields: a closure for each of its steps costs more.
 */
import type { Accepted } from '../core/appends.ts';
import type { WaitEnd, Waiter } from '../core/concerns/write-concern.ts';
import type { Refusal } from '../core/refusal.ts';
import type { WaitPreference } from '../http/headers.ts';
import { HttpProblem, problemOf } from '../http/problems.ts';
import type { HeaderList, RequestContext } from '../http/request-context.ts';
import type { MasterPort, WaitListener } from './ports.ts';

export abstract class HeldAnswer implements WaitListener {
  protected readonly port: MasterPort;
  protected readonly context: RequestContext;
  readonly #preference: WaitPreference | null;
  #accepted: Accepted | null = null;
  #waiter: Waiter | null = null;

  constructor(port: MasterPort, context: RequestContext, preference: WaitPreference | null) {
    this.port = port;
    this.context = context;
    this.#preference = preference;
  }

  /** The members that say who holds it now. */
  protected abstract members(accepted: Accepted): object;

  /** Sends them, with these headers and its own. */
  protected abstract send(
    members: object,
    accepted: Accepted,
    end: WaitEnd,
    headers: HeaderList,
  ): void;

  /** Answers at once, or when `over` says that the wait has ended; throws the problem of a refusal. */
  answerTo(outcome: Accepted | Refusal): void {
    if (outcome.kind === 'refused') throw problemOf(outcome);
    this.#accepted = outcome;
    const { wait } = outcome;
    if (typeof wait === 'string') {
      // Read now: before the answer leaves, one of those that hold it may be met in a new incarnation.
      const members = this.members(outcome);
      this.context.answerSoon(() => this.#answer(wait, members));
      return;
    }
    this.#waiter = wait;
    this.context.res.on('close', () => {
      if (this.#waiter !== null) this.port.cancel(this.#waiter);
    });
  }

  /** The wait is over. */
  over(end: WaitEnd): void {
    this.#answer(end, this.members(this.#accepted as Accepted));
  }

  #answer(end: WaitEnd, members: object): void {
    this.#waiter = null;
    if (end === 'stopping' || end === 'fenced') {
      sendUnheld(this.context, end, members);
      return;
    }
    const headers = this.context.logHeaders();
    if (this.#preference !== null) headers.push('Preference-Applied', this.#preference.applied);
    this.send(members, this.#accepted as Accepted, end, headers);
  }
}

/** The message is stored here, but its write concern will not hold in this run of the node. */
function sendUnheld(context: RequestContext, end: 'stopping' | 'fenced', members: object): void {
  const fields = { ...members, appended: true };
  const problem =
    end === 'stopping'
      ? new HttpProblem(
          'shutting-down',
          'the message is stored, but this node stops before the write concern holds',
          fields,
        )
      : new HttpProblem(
          'fenced',
          'the message is stored here, but another master has taken over and may not have it; ' +
            'send it there again, with the same idempotency key',
          fields,
        );
  context.sendProblem(problem);
}

/** When a client that prefers this stops waiting, on the core's clock in ms; Infinity for never. */
export function deadlineOf(port: MasterPort, preference: WaitPreference | null): number {
  return preference === null ? Number.POSITIVE_INFINITY : port.now() + preference.waitMs;
}
