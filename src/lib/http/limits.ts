/**
 * Every limit of the HTTP edge. Names end in their unit. The limits must satisfy the inequality at
 * `frameLineBytesMax`: whatever an append may contain fits a frame.
 */
import { FRAME_EPOCHS_MAX } from '../core/replication/outgoing-stream.ts';

/** The longest delay of a timer, in ms; node fires at once for a longer one. */
export const TIMER_MS_MAX = 2 ** 31 - 1;
/** Bytes of all headers of a request; more get 431. */
export const HEADER_BYTES_MAX = 16 * 1024;
/** How long a client may take to send its headers, in ms; then 408. */
export const HEADERS_TIMEOUT_MS = 10_000;
/** How long a client may take to send a body, in ms; then 408. */
export const BODY_TIMEOUT_MS = 30_000;
/** How long an idle connection is kept, in ms; longer than peers keep theirs, so that they close first. */
export const KEEP_ALIVE_TIMEOUT_MS = 65_000;
/**
 * After how long without a byte TCP keep-alive probes a client, in ms. Node sends ten probes, a second apart:
 * a client that vanished is dropped 130 s after its last byte.
 */
export const TCP_KEEP_ALIVE_MS = 120_000;
/** How long a call waits for the look-up of a peer's name while no address of it is known, in ms. */
export const LOOKUP_MS_MAX = 1000;
/** How old the known addresses of a name may be before a call causes a new look-up, in ms. */
export const LOOKUP_REFRESH_MS = 10_000;
/** How soon after a look-up a failed call may cause another one, in ms. */
export const LOOKUP_PAUSE_MS = 500;
/** Messages in one append. */
export const BATCH_MESSAGES_MAX = 10_000;
/** Bytes of one append's body, unless `MAX_MESSAGE_BYTES` needs more. */
export const APPEND_BODY_BYTES_MAX = 16 * 1024 * 1024;
/** JSON may write one byte of a message as six (`\u0001`). */
export const JSON_ESCAPE_FACTOR = 6;
/** Bytes of an append's body around its largest message. */
export const APPEND_AROUND_BYTES = 4096;
/** The largest `MAX_MESSAGE_BYTES`: such a message, escaped, still fits a frame. */
export const MESSAGE_BYTES_CEILING = 10 * 1024 * 1024;
/** Bytes of all bodies that are arriving; beyond it 503. */
export const BODIES_BYTES_MAX = 256 * 1024 * 1024;
/** Bytes of each body or line that do not count towards the limit of all, so that small ones always pass. */
export const BUFFER_FREE_BYTES = 16 * 1024;
/** Longer JSON is checked against the next two limits before it is parsed. */
export const JSON_COUNTED_BYTES = 64 * 1024;
/** Lists and objects in such JSON. */
export const JSON_CONTAINERS_MAX = 10_000;
/** Commas in such JSON: members of lists and objects. */
export const JSON_MEMBERS_MAX = 500_000;
/** Bytes of any other body. */
export const SMALL_BODY_BYTES_MAX = 16 * 1024;
/** How long the rest of a refused body is read and discarded, in ms. */
export const DISCARD_MS = 10_000;
/** Bytes of a frame handed to the connection at a time: few, so that a slow connection shows progress. */
export const FRAME_PIECE_BYTES = 64 * 1024;
/** How long a secondary may take to end a stream that the master has ended, in ms. */
export const STREAM_END_MS = 5000;
/** Bytes of one line of a stream: a frame of the largest append, see `frameLineBytesMax`. */
export const FRAME_LINE_BYTES_MAX = 64 * 1024 * 1024;
/** Bytes of all unfinished lines of streams; beyond it 503. */
export const FRAME_LINES_BYTES_MAX = 128 * 1024 * 1024;
/** How long an unfinished line of a stream may go without a byte, in ms. */
export const FRAME_LINE_STALL_MS = 30_000;
/** Messages in one frame that a node accepts. */
export const FRAME_MESSAGES_TAKEN_MAX = 100_000;
/** Unanswered frames of one stream; at this number the secondary stops reading. */
export const FRAMES_PENDING_MAX = 64;
/** Bytes of one ack, and of a heartbeat's or problem's body, that a master reads. */
export const PEER_ANSWER_BYTES_MAX = 16 * 1024;
/** Unanswered requests; at this number a connection may not send one behind another. */
export const UNANSWERED_MAX = 32_768;
/** Connections; beyond it new ones are closed. */
export const CONNECTIONS_MAX = 16_000;
/** How long a client may read nothing of its answer, in ms; then the connection is closed. */
export const READER_STALL_MS = 120_000;
/** Bytes of an answer that are copied into one piece; a larger one goes out as views of the log. */
export const JOINED_BYTES_MAX = 4096;
/** Bytes of messages in a frame that is copied into one piece; a larger one goes out as views of the log. */
export const FRAME_JOINED_BYTES_MAX = 64 * 1024;
/** Bytes of the log handed to a reader's socket at a time. */
export const READ_CHUNK_BYTES = 1024 * 1024;
/** Bytes of the log in one piece of NDJSON or events. */
export const ENTRIES_CHUNK_BYTES = 64 * 1024;
/** Entries in such a piece. */
export const ENTRIES_CHUNK_MAX = 2048;
/** How long a read waits for `minSeq` without a preference, in ms. */
export const READ_WAIT_MS = 5000;
/** How often a tail gets a comment that keeps its connection open, in ms. */
export const TAIL_COMMENT_MS = 15_000;
/** How often a node with followers of its health computes it, in ms. */
export const HEALTH_POLL_MS = 100;
/** After how long without a change a follower of the health gets a comment, in ms; a node that hangs sends none. */
export const HEALTH_COMMENT_MS = 2000;
/** After an event to all followers of the health, the node pauses for this many times as long as that took. */
export const HEALTH_PAUSE_FACTOR = 3;
/** How long a master waits for a secondary's answer about its faults, in ms. */
export const FAULTS_ANSWER_MS = 5000;
/** Characters of a logId, bootId or node name in what peers send. */
export const PEER_NAME_LENGTH_MAX = 255;
/** Bytes of a frame beside its messages and epochs: numbers, names, the key and trace of one append. */
export const FRAME_AROUND_BYTES = 16 * 1024;

/** The largest body of an append, in bytes, for this limit of a message. */
export function appendBodyBytesMax(messageBytesMax: number): number {
  return Math.max(
    APPEND_BODY_BYTES_MAX,
    messageBytesMax * JSON_ESCAPE_FACTOR + APPEND_AROUND_BYTES,
  );
}

/**
 * The largest frame line, in bytes, for this limit of a message. Every append that is accepted must fit a frame,
 * so every valid configuration satisfies
 *
 *     frameLineBytesMax(MAX_MESSAGE_BYTES) <= FRAME_LINE_BYTES_MAX <= FRAME_LINES_BYTES_MAX
 *
 * An append that cannot be split (one message, or a batch with a key) may fill a frame of its own. Its messages
 * take at most as many bytes as in the body, because the log writes JSON in its shortest form. Its key is written
 * once. The frame may also carry a list of epochs with names of the greatest length.
 */
export function frameLineBytesMax(messageBytesMax: number): number {
  const nameBytesMax = PEER_NAME_LENGTH_MAX * JSON_ESCAPE_FACTOR + '"",'.length;
  const epochBytesMax = '[281474976710656,9007199254740991],'.length + nameBytesMax;
  const around = FRAME_AROUND_BYTES + FRAME_EPOCHS_MAX * epochBytesMax;
  return appendBodyBytesMax(messageBytesMax) + around;
}
