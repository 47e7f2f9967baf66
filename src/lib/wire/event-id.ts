/**
 * The ids of events: the seq of an entry, and what any node needs to decide whether it has the same entry. Behind the
 * seq are short digests of the log and of the ballots of `core/log/log-position.ts`:
 *
 *     <seq>-<log>.<epoch>.<writer>.<first seq>.<epoch before>.<writer before>
 *
 * A reader sends the id that it saw last as `Last-Event-ID`. A seq alone is a position in any log.
 */
import { createHash } from 'node:crypto';
import type { FollowedLog } from '../core/concerns/follower.ts';
import { type EpochStart, endOfStart, startAt } from '../core/log/epochs.ts';
import type { LogPosition, NameDigests } from '../core/log/log-position.ts';
import { type Ballot, NO_BALLOT } from '../core/recovery/ballot.ts';
import { HttpProblem } from '../http/problems.ts';

/** Characters of the digest of a log, six bits each; it must differ from those of all other logs. */
const LOG_DIGEST_LENGTH = 8;
/** Of the digest of a writer; it must differ from those of other writers with the same epoch of the same log. */
const WRITER_DIGEST_LENGTH = 5;
/** Cached digests; each event of a live tail needs the same ones. */
const REMEMBERED_MAX = 1000;

const ID =
  /^(\d{1,16})(?:-([\w-]{8})\.(\d{1,16})\.([\w-]{5})?\.(\d{1,16})\.(\d{1,16})\.([\w-]{5})?)?$/;

/** The digests of names in ids. */
export const ID_DIGESTS: NameDigests = {
  log: (logId) => digestOf(logId).slice(0, LOG_DIGEST_LENGTH),
  writer: (name) => name && digestOf(name).slice(0, WRITER_DIGEST_LENGTH),
};

/**
 * Where a reader with this id goes on: the next seq if the id is a seq alone, else the position in it.
 * @throws HttpProblem 400 `bad-range` if the text is no id
 */
export function parseEventId(text: string): number | LogPosition {
  const [, seqText, log, ...parts] = ID.exec(text) ?? [];
  const seq = Number(seqText ?? Number.NaN);
  if (!(seq < Number.MAX_SAFE_INTEGER)) throw badId();
  if (log === undefined) return seq + 1;
  const [epoch, writer = '', first, epochBefore, writerBefore = ''] = parts;
  const position = {
    seq,
    log,
    epoch: Number(epoch),
    writer,
    firstSeq: Number(first),
    previous: { epoch: Number(epochBefore), writer: writerBefore },
  };
  if (position.firstSeq < 1 || position.firstSeq > seq) throw badId();
  return position;
}

function badId(): HttpProblem {
  return new HttpProblem(
    'bad-range',
    'Last-Event-ID must be the id of an event, or the seq of a message, or 0',
  );
}

/** The id of an event is its seq and this `rest`, which is the same for all entries up to `last`. */
export interface EventId {
  readonly rest: string;
  readonly last: number;
}

/** The id of the entry at `seq` (1..length). */
export function eventIdAt({ log, logId }: FollowedLog, seq: number): EventId {
  const { epochs } = log;
  const start = startAt(epochs, seq) as EpochStart;
  const before = startAt(epochs, start.firstSeq - 1) ?? NO_BALLOT;
  const ballots = `${ballotText(start)}.${start.firstSeq}.${ballotText(before)}`;
  const rest = `-${ID_DIGESTS.log(logId as string)}.${ballots}`;
  return { rest, last: endOfStart(epochs, seq) };
}

function ballotText({ epoch, writer }: Ballot): string {
  return `${epoch}.${ID_DIGESTS.writer(writer)}`;
}

const remembered = new Map<string, string>();

function digestOf(name: string): string {
  const known = remembered.get(name);
  if (known !== undefined) return known;
  if (remembered.size >= REMEMBERED_MAX) remembered.clear();
  const digest = createHash('sha256').update(name).digest('base64url');
  remembered.set(name, digest);
  return digest;
}
