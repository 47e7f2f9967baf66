/**
 * The buffer for messages that arrived ahead of their turn: they stay here until the gap before them closes. It is
 * bounded like a TCP receive window, by seqs (`HELD_MESSAGES_MAX` ahead of the log) and by bytes.
 */

/** How far ahead of the log, in messages, one may be held. */
export const HELD_MESSAGES_MAX = 10_000;
/** Bytes of held messages. */
export const HELD_BYTES_MAX = 16 * 1024 * 1024;

export interface HeldMessage {
  readonly text: Uint8Array;
  readonly key: string | undefined;
}

export class HoldBack {
  readonly #bySeq = new Map<number, HeldMessage>();
  #bytes = 0;

  /** How many messages are held. */
  get size(): number {
    return this.#bySeq.size;
  }

  /** Whether messages up to `to`, `bytes` in all, may be held beside a log of `length`. */
  hasRoom(to: number, bytes: number, length: number): boolean {
    return to <= length + HELD_MESSAGES_MAX && this.#bytes + bytes <= HELD_BYTES_MAX;
  }

  /** The seqs of held messages, in no order. */
  seqs(): Iterable<number> {
    return this.#bySeq.keys();
  }

  get(seq: number): HeldMessage | undefined {
    return this.#bySeq.get(seq);
  }

  /**
   * Buffers copies of the messages whose seqs are not here already. It makes all copies before it adds the first one,
   * so that an allocation that fails never leaves a part of an append.
   */
  put(messages: readonly (readonly [seq: number, message: HeldMessage])[]): void {
    const copies = messages.flatMap(([seq, { text, key }]) =>
      this.#bySeq.has(seq) ? [] : [[seq, { text: text.slice(), key }] as const],
    );
    for (const [seq, copy] of copies) {
      this.#bytes += copy.text.length;
      this.#bySeq.set(seq, copy);
    }
  }

  /** Takes the message at `seq` out. */
  take(seq: number): HeldMessage | undefined {
    const message = this.#bySeq.get(seq);
    if (message !== undefined) {
      this.#bytes -= message.text.length;
      this.#bySeq.delete(seq);
    }
    return message;
  }

  clear(): void {
    this.#bySeq.clear();
    this.#bytes = 0;
  }
}
