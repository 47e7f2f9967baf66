/**
 * Every limit of the HTTP edge, in one place. Names end in their unit. `frameLineBytesMax` is the one
 * inequality between them on which all rests: what an append may bring, a frame may carry.
 */
import { FRAME_EPOCHS_MAX } from '../core/replication/outgoing-stream.ts';

/** Bytes of all headers of a request; beyond it 431. */
export const HEADER_BYTES_MAX = 16 * 1024;
/** How long a client may take to send its headers, in ms; beyond it 408. */
export const HEADERS_TIMEOUT_MS = 10_000;
/** How long a client may take to send a body, in ms; beyond it 408. */
export const BODY_TIMEOUT_MS = 30_000;
/** How long an idle connection is kept, in ms; longer than peers keep theirs. */
export const KEEP_ALIVE_TIMEOUT_MS = 65_000;
/**
 * After how long without a byte the system asks a client whether it is still there, in ms. Node then has it
 * ask ten times, a second apart: who does not answer that is gone, 130 s after its last sign of life.
 */
export const TCP_KEEP_ALIVE_MS = 120_000;
/** How long a call waits for a peer's name to be looked up while no address of it is known, in ms. */
export const LOOKUP_MS_MAX = 1000;
/** How old what is known of a name may be before it is looked up again while calls go on, in ms. */
export const LOOKUP_REFRESH_MS = 10_000;
/** How soon after a look-up a call that failed may cause another one, in ms. */
export const LOOKUP_PAUSE_MS = 500;
/** Messages in one append. */
export const BATCH_MESSAGES_MAX = 10_000;
/** Bytes of one append's body; more where `MAX_MESSAGE_BYTES` needs it. */
export const APPEND_BODY_BYTES_MAX = 16 * 1024 * 1024;
/** JSON may write one byte of a message as six (`\u0001`). */
export const JSON_ESCAPE_FACTOR = 6;
/** Bytes of an append's body around its largest message. */
export const APPEND_AROUND_BYTES = 4096;
/** The largest `MAX_MESSAGE_BYTES`: such a message, escaped, still fits a frame. */
export const MESSAGE_BYTES_CEILING = 10 * 1024 * 1024;
/** Bytes of all bodies that arrive at the same time; beyond it 503. */
export const BODIES_BYTES_MAX = 256 * 1024 * 1024;
/** Bytes of one body or line that do not count for what all may have, so that small ones pass. */
export const BUFFER_FREE_BYTES = 16 * 1024;
/** JSON of more bytes is counted before it is parsed, as the next two say. */
export const JSON_COUNTED_BYTES = 64 * 1024;
/** Lists and objects in such JSON. */
export const JSON_CONTAINERS_MAX = 10_000;
/** Commas in such JSON: members of lists and objects. */
export const JSON_MEMBERS_MAX = 500_000;
/** Bytes of any other body. */
export const SMALL_BODY_BYTES_MAX = 16 * 1024;
/** How long the rest of a body that nobody wants is read and thrown away, in ms. */
export const DISCARD_MS = 10_000;
/** Bytes of a frame handed to the connection at a time: so small that a slow one is seen to take them. */
export const FRAME_PIECE_BYTES = 64 * 1024;
/** How long a secondary may take to end a stream that the master has ended, in ms. */
export const STREAM_END_MS = 5000;
/** Bytes of one line of a stream: a frame of the largest append, see `frameLineBytesMax`. */
export const FRAME_LINE_BYTES_MAX = 64 * 1024 * 1024;
/** Bytes of all lines of streams that arrive at the same time; beyond it 503. */
export const FRAME_LINES_BYTES_MAX = 128 * 1024 * 1024;
/** How long a line of a stream may stand still in its middle, in ms. */
export const FRAME_LINE_STALL_MS = 30_000;
/** Messages in one frame that a secondary takes. */
export const FRAME_MESSAGES_TAKEN_MAX = 100_000;
/** Frames of one stream a secondary takes in before it has answered them. */
export const FRAMES_PENDING_MAX = 64;
/** Bytes of one ack, and of a heartbeat's or problem's body, that a master reads. */
export const PEER_ANSWER_BYTES_MAX = 16 * 1024;
/** Requests without an answer; beyond it a connection may not send one behind another. */
export const UNANSWERED_MAX = 32_768;
/** Connections; beyond it new ones are closed. */
export const CONNECTIONS_MAX = 16_000;
/** How long a client may take nothing of its answer, in ms; beyond it the connection is closed. */
export const READER_STALL_MS = 120_000;
/** Bytes of an answer that are copied into one piece; a larger one goes out as views of the log. */
export const JOINED_BYTES_MAX = 4096;
/** Bytes of messages in a frame that is copied into one piece; a larger one goes out as views of the log. */
export const FRAME_JOINED_BYTES_MAX = 64 * 1024;
/** Bytes of the log handed to a reader's socket at a time. */
export const READ_CHUNK_BYTES = 1024 * 1024;
/** Bytes of the log in one piece of what is written entry by entry (NDJSON, events). */
export const ENTRIES_CHUNK_BYTES = 64 * 1024;
/** Entries in such a piece. */
export const ENTRIES_CHUNK_MAX = 2048;
/** How long a reader waits for a seq that is not there yet, if it does not say, in ms. */
export const READ_WAIT_MS = 5000;
/** After how long a tail gets a comment that keeps its connection open, in ms. */
export const TAIL_COMMENT_MS = 15_000;
/** How often the health is looked at for who follows it, in ms: the most that a change is told late. */
export const HEALTH_POLL_MS = 100;
/** After how long without news who follows the health gets a comment, in ms: a node that hangs sends none. */
export const HEALTH_COMMENT_MS = 2000;
/** After telling all who follow the health a node tells them nothing for so many times as long as that took. */
export const HEALTH_PAUSE_FACTOR = 3;
/** How long a master waits for what a secondary says of its faults, in ms. */
export const FAULTS_ANSWER_MS = 5000;
/** Characters of a logId, bootId or node name in what peers send. */
export const PEER_NAME_LENGTH_MAX = 255;
/** Bytes of a frame beside its messages, keys and epochs: numbers, names, and what goes with one append. */
export const FRAME_AROUND_BYTES = 16 * 1024;

/** Bytes of the body of an append, where a message may have so many. */
export function appendBodyBytesMax(messageBytesMax: number): number {
  return Math.max(
    APPEND_BODY_BYTES_MAX,
    messageBytesMax * JSON_ESCAPE_FACTOR + APPEND_AROUND_BYTES,
  );
}

/**
 * Bytes of the largest frame line, where a message may have so many. What is taken from a client must fit
 * every later step, so for every configuration that is accepted
 *
 *     frameLineBytesMax(MAX_MESSAGE_BYTES) <= FRAME_LINE_BYTES_MAX <= FRAME_LINES_BYTES_MAX
 *
 * An append that cannot be split (one message, or a batch with a key) travels alone in its frame. Its
 * messages have at most as many bytes as the body had, for the log writes JSON in its shortest form. Its
 * key is written once. The list of epochs may go with it, with names of the longest kind.
 */
export function frameLineBytesMax(messageBytesMax: number): number {
  const nameBytesMax = PEER_NAME_LENGTH_MAX * JSON_ESCAPE_FACTOR + '"",'.length;
  const epochBytesMax = '[281474976710656,9007199254740991],'.length + nameBytesMax;
  const around = FRAME_AROUND_BYTES + FRAME_EPOCHS_MAX * epochBytesMax;
  return appendBodyBytesMax(messageBytesMax) + around;
}
