/**
 * Structured logging: one line per event on stdout, never with a message's text or a token. The node does not wait for
 * the reader of the pipe, which could stop it otherwise. Lines that were not read stay in memory; beyond a limit
 * further lines are dropped and counted.
 */
import type { LogEvent } from '../core/refusal.ts';
import { printableJson } from './printable.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = 'pretty' | 'json';

/** Bytes of lines that were not read yet; beyond it lines are dropped. */
export const LOG_UNREAD_BYTES_MAX = 4 * 1024 * 1024;

/** Writes a line; calls `onWritten` when the line has left this process, or never will. */
type WriteLine = (line: string, onWritten: () => void) => void;

type Fields = Readonly<Record<string, unknown>>;

export class Logger {
  readonly #nodeId: string;
  readonly #threshold: number;
  readonly #format: LogFormat;
  readonly #write: WriteLine;
  #unreadBytes = 0;
  /** Lines dropped since the last one that was written. */
  #dropped = 0;

  constructor(
    nodeId: string,
    level: LogLevel,
    format: LogFormat,
    write: WriteLine = (line, onWritten) => process.stdout.write(line, onWritten),
  ) {
    this.#nodeId = nodeId;
    this.#threshold = LOG_LEVELS.indexOf(level);
    this.#format = format;
    this.#write = write;
  }

  /** Whether `debug` writes anything; for places where making the fields is expensive. */
  get isVerbose(): boolean {
    return this.#threshold === 0;
  }

  debug(event: string, fields?: Fields): void {
    this.log('debug', event, fields);
  }

  info(event: string, fields?: Fields): void {
    this.log('info', event, fields);
  }

  warn(event: string, fields?: Fields): void {
    this.log('warn', event, fields);
  }

  error(event: string, fields?: Fields): void {
    this.log('error', event, fields);
  }

  /** Writes an event of the core. */
  logEvent({ level, event, fields }: LogEvent): void {
    this.log(level, event, fields);
  }

  log(level: LogLevel, event: string, fields: Fields = {}): void {
    if (LOG_LEVELS.indexOf(level) >= this.#threshold) this.#line(level, event, fields);
  }

  /** Writes a line of level `info`, also if the log's level is higher. */
  announce(event: string, fields: Fields): void {
    this.#line('info', event, fields);
  }

  #line(level: LogLevel, event: string, fields: Fields): void {
    const time = new Date().toISOString();
    const line =
      this.#format === 'json'
        ? printableJson({ time, level, node: this.#nodeId, event, ...fields })
        : `${time.slice(11, 23)} ${level.padEnd(5)} ${this.#nodeId}  ${event}${pretty(fields)}`;
    this.#output(`${line}\n`);
  }

  #output(line: string): void {
    const bytes = Buffer.byteLength(line);
    // Once a line was dropped, all are, until the number of dropped lines is logged: one gap instead of many.
    if (this.#dropped > 0 || this.#unreadBytes + bytes > LOG_UNREAD_BYTES_MAX) {
      this.#dropped += 1;
      return;
    }
    this.#unreadBytes += bytes;
    this.#write(line, () => {
      this.#unreadBytes -= bytes;
      if (this.#dropped > 0 && this.#unreadBytes <= LOG_UNREAD_BYTES_MAX / 2) this.#tellDropped();
    });
  }

  #tellDropped(): void {
    const lines = this.#dropped;
    this.#dropped = 0;
    this.#line('warn', 'log-lines-dropped', { lines });
  }
}

/** The fields as `name=value`. A text with control characters is written as JSON, so that it cannot forge a line. */
function pretty(fields: Fields): string {
  const isPlain = (value: unknown) => typeof value === 'string' && !/\p{Cc}/u.test(value);
  return Object.entries(fields)
    .map(([name, value]) => `  ${name}=${isPlain(value) ? value : printableJson(value)}`)
    .join('');
}
