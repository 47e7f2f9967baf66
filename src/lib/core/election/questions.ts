/**
 * The questions (heartbeats) of one master, numbered across all its peers. What a peer says counts from when it was
 * asked: an answer confirms the master only for what came before the question.
 */
export class Questions {
  #last = 0;

  /** The number of the question that was asked last. */
  get last(): number {
    return this.#last;
  }

  /** Numbers a question that is asked now. */
  next(): number {
    this.#last += 1;
    return this.#last;
  }
}

/** A question that a peer has answered, without telling of a newer ballot. */
export interface Answered {
  /** Its number. */
  readonly question: number;
  /** When it was asked, in ms. */
  readonly askedAt: number;
}

/** Nothing was answered yet. */
export const NEVER_ANSWERED: Answered = { question: 0, askedAt: Number.NEGATIVE_INFINITY };
