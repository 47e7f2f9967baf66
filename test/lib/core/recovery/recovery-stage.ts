/** A recovery on a stage: the test is its secondaries, and what it asks of its environment is a transcript. */
import assert from 'node:assert/strict';
import { Applier } from '../../../../src/lib/core/log/apply.ts';
import { packMessages } from '../../../../src/lib/core/log/messages.ts';
import { Replica } from '../../../../src/lib/core/log/replica.ts';
import type { Frame, PrepareReply } from '../../../../src/lib/core/protocol.ts';
import type { Ballot } from '../../../../src/lib/core/recovery/ballot.ts';
import {
  type Adopted,
  Recovery,
  type RecoveryConfig,
} from '../../../../src/lib/core/recovery/recovery.ts';
import type { LogEvent } from '../../../../src/lib/core/refusal.ts';
import { messagesOf } from '../../support.ts';
import { SlowDisk } from '../log/slow-disk.ts';

/** What a master says while too few have answered: `s1 and s2 do`, 1, 3. */
export function tooFew(who: string, answered: number, required: number): string {
  const count = `${answered} of ${required} required nodes have answered`;
  return `${who} not answer; ${count}, the master included`;
}

/** What it says while somebody may hold what was acknowledged: `s1`, `m and s2 have`. */
export function missing(who: string, forgetful: string): string {
  const memory = forgetful.endsWith('has') ? 'lost its memory' : 'lost their memory';
  const verb = who.includes(' and ') ? 'do' : 'does';
  const may = `${who} ${verb} not answer and may hold messages that were acknowledged`;
  return `${may}; ${forgetful} ${memory}, or never had all of it`;
}

/** The master is `m`, its secondaries `s0`, `s1` and so on, each in its incarnation `boot-0`, `boot-1`. */
export class Start {
  readonly disk = new SlowDisk();
  readonly replica = new Replica(this.disk);
  readonly logEvents: LogEvent[] = [];
  readonly recovery: Recovery;
  /** What its disk had kept of its own promise when it first asked others for theirs. */
  promisedFirst: Ballot | null = null;
  /** What was adopted, once it has recovered. */
  adopted: Adopted | null = null;
  #lines: string[] = [];

  constructor(count: number, config: Partial<RecoveryConfig> = {}) {
    const defaults: RecoveryConfig = {
      nodeId: 'm',
      secondaries: Array.from({ length: count }, (_, index) => `s${index}`),
      newLogId: 'NEW',
      writer: 'W',
      needsQuorum: true,
    };
    const logEvent = (one: LogEvent) => this.logEvents.push(one);
    const applier = new Applier(this.replica, 'boot-m', logEvent);
    this.recovery = new Recovery({ ...defaults, ...config }, this.replica, applier, {
      poll: (secondary, prepare) => {
        if (prepare !== null) this.promisedFirst ??= this.replica.durableBallot;
        const what =
          prepare === null ? 'ask' : `prepare ${prepare.logId}/${prepare.epoch}/${prepare.writer}`;
        this.#lines.push(`${what} of ${secondary}`);
      },
      fetchLog: (secondary, fetch, from) => {
        this.#lines.push(`fetch #${fetch} of ${secondary} from ${from}`);
      },
      retryLater: (reason) => this.#lines.push(`retry later: ${reason}`),
      recovered: ({ logId, epoch, writer }, adopted) => {
        this.adopted = adopted;
        const { adoptedFrom, rule } = adopted;
        this.#lines.push(`recovered ${logId}/${epoch}/${writer} from ${adoptedFrom} by ${rule}`);
      },
      logEvent,
    });
  }

  /** What it had on its disk, complete: these texts under these epochs, each [epoch, text]. */
  has(logId: string, ...entries: [epoch: number, text: string][]): this {
    this.hasSome(logId, ...entries);
    this.replica.becomeComplete();
    return this;
  }

  /** The same, of a node that never had all of it. */
  hasSome(logId: string, ...entries: [epoch: number, text: string][]): this {
    this.replica.begin(logId);
    for (const [epoch, text] of entries) {
      this.replica.promise({ epoch, writer: '' });
      this.replica.append(packMessages([text]), { epoch, writer: '' }, []);
    }
    return this;
  }

  begin(): this {
    this.recovery.begin();
    return this;
  }

  /** What it did since it was last asked is exactly this. */
  did(...lines: string[]): this {
    const done = this.#lines;
    this.#lines = [];
    assert.deepEqual(done, lines);
    return this;
  }

  skip(): this {
    this.#lines = [];
    return this;
  }

  empty(secondary: number): this {
    return this.says(secondary, null, 0, 0);
  }

  /** It holds `length` entries of this log and has seen this epoch; it knows nothing of prepares. */
  says(secondary: number, logId: string | null, epoch: number, length: number): this {
    const node = { nodeId: `s${secondary}`, bootId: `boot-${secondary}` };
    this.recovery.answered(secondary, { ...node, logId, epoch, length, prepareReply: null });
    return this;
  }

  /** The same of a node that is complete if it has a log, in answer to a poll. */
  holds(
    secondary: number,
    logId: string | null,
    epoch: number,
    length: number,
    prepareReply: Partial<PrepareReply> = {},
  ): this {
    const lastEpoch = length === 0 ? 0 : epoch;
    return this.stands(secondary, logId, epoch, length, {
      writer: '',
      lastEpoch,
      ...prepareReply,
    });
  }

  /** The same, in answer to a prepare of 1/W or of the epoch after that of its last entry. */
  stands(
    secondary: number,
    logId: string | null,
    epoch: number,
    length: number,
    {
      bootId = `boot-${secondary}`,
      ...prepareReply
    }: Partial<PrepareReply> & { bootId?: string } = {},
  ): this {
    const usual = {
      writer: 'W',
      lastEpoch: length === 0 ? 0 : epoch - 1,
      lastWriter: '',
      isLogMatched: false,
      isComplete: length > 0,
    };
    const statement = { nodeId: `s${secondary}`, bootId, logId, epoch, length };
    this.recovery.answered(secondary, {
      ...statement,
      prepareReply: { ...usual, ...prepareReply },
    });
    return this;
  }

  /** They do not answer, and yet somebody may be there. */
  fails(...secondaries: number[]): this {
    for (const secondary of secondaries) this.recovery.failed(secondary, false);
    return this;
  }

  /** Nobody is there. */
  down(...secondaries: number[]): this {
    for (const secondary of secondaries) this.recovery.failed(secondary, true);
    return this;
  }

  /** A frame of a fetch; `epochs` as pairs, none but in its first frame. */
  sends(
    fetch: number,
    from: number,
    texts: readonly string[],
    epochs?: [number, number][],
    epoch = 9,
    other: Partial<Frame> = {},
  ): boolean {
    return this.recovery.fetched(fetch, {
      logId: this.replica.logId as string,
      epoch,
      writer: 'W',
      from,
      messages: packMessages(texts),
      keys: [],
      epochs: epochs?.map(([one, firstSeq]) => ({ epoch: one, writer: '', firstSeq })) ?? null,
      ...other,
    });
  }

  over(fetch: number, reason: string | null = null): this {
    this.recovery.fetchOver(fetch, reason);
    return this;
  }

  shown(): string {
    return messagesOf(this.replica.log).join('');
  }
}
