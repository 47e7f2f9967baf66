/**
 * Encodes records one behind the other into one run of bytes, so that a call of the journal writes once, however many
 * entries it has. The buffer is reused, because this is on the path of every append.
 */
import type { EntryKeys } from '../core/log/journal.ts';
import type { PackedMessages } from '../core/log/messages.ts';
import { crc32 } from './crc32.ts';
import { type RareRecord, SEAL_HEAD, SEAL_LENGTH, SEAL_TAIL } from './record.ts';

const FIRST_BYTES = 64 * 1024;
/** A larger buffer is released after use. */
const KEPT_BYTES_MAX = 4 * 1024 * 1024;
/** Up to this length a loop copies faster than `set`. */
const LOOP_BYTES_MAX = 48;
const HEX_DIGITS = new TextEncoder().encode('0123456789abcdef');
/** The digits of a number up to 2^31. */
const DIGITS_MAX = 10;
const utf8 = new TextEncoder();

/** A record that is no entry, as JSON; an unnamed writer is null on disk. */
export function rareText(record: RareRecord): string {
  return JSON.stringify(record, (name, value) => (name === 'writer' ? value || null : value));
}

export class RecordBuffer {
  #bytes = new Uint8Array(FIRST_BYTES);
  #end = 0;

  /** All records since `clear`; a view that is valid until the next call. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#end);
  }

  get length(): number {
    return this.#end;
  }

  clear(): void {
    this.#end = 0;
    if (this.#bytes.length > KEPT_BYTES_MAX) this.#bytes = new Uint8Array(FIRST_BYTES);
  }

  /** Adds the entries of one append; consecutive entries with the same key are marked as belonging together. */
  addEntries(firstSeq: number, messages: PackedMessages, epoch: number, keys: EntryKeys): void {
    const { bytes, ends } = messages;
    let nextKey = 0;
    let start = 0;
    for (let i = 0; i < ends.length; i += 1) {
      const seq = firstSeq + i;
      const end = ends[i] as number;
      const keyed = keys[nextKey];
      const key = keyed?.[0] === seq ? keyed[1] : null;
      if (key !== null) nextKey += 1;
      const next = keys[nextKey];
      const more = key !== null && next?.[0] === seq + 1 && next[1] === key;
      this.addEntry({ seq, epoch, key, more }, bytes, start, end - 1);
      start = end;
    }
  }

  /** Adds an entry whose message is the JSON text at `start..end - 1` of `source`. */
  addEntry(
    entry: { seq: number; epoch: number; key: string | null; more: boolean },
    source: Uint8Array,
    start: number,
    end: number,
  ): void {
    const { seq, epoch, key, more } = entry;
    const first = this.#end;
    this.#addText('{"seq":');
    this.#addNumber(seq);
    this.#addText(',"epoch":');
    this.#addNumber(epoch);
    if (key !== null) this.#addText(`,"key":${JSON.stringify(key)}${more ? ',"more":true' : ''}`);
    this.#addText(',"message":');
    this.#addBytes(source, start, end);
    this.#seal(first);
  }

  /** Adds a record that is no entry. */
  add(record: RareRecord): void {
    const first = this.#end;
    this.#addText(rareText(record).slice(0, -1));
    this.#seal(first);
  }

  #addText(text: string): void {
    this.#makeRoom(text.length);
    const bytes = this.#bytes;
    let end = this.#end;
    for (let i = 0; i < text.length; i += 1) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) {
        const encoded = utf8.encode(text);
        this.#addBytes(encoded, 0, encoded.length);
        return;
      }
      bytes[end] = code;
      end += 1;
    }
    this.#end = end;
  }

  #addNumber(value: number): void {
    if (value > 0x7fffffff) {
      this.#addText(String(value));
      return;
    }
    this.#makeRoom(DIGITS_MAX);
    let digits = 1;
    for (let limit = 10; value >= limit; limit *= 10) digits += 1;
    let rest = value;
    for (let at = this.#end + digits - 1; at >= this.#end; at -= 1) {
      this.#bytes[at] = 0x30 + (rest % 10);
      rest = (rest / 10) | 0;
    }
    this.#end += digits;
  }

  #addBytes(source: Uint8Array, start: number, end: number): void {
    const count = end - start;
    this.#makeRoom(count);
    const bytes = this.#bytes;
    const at = this.#end;
    if (count > LOOP_BYTES_MAX) bytes.set(source.subarray(start, end), at);
    else for (let i = 0; i < count; i += 1) bytes[at + i] = source[start + i] as number;
    this.#end = at + count;
  }

  /** Ends the record that began at `first` with its checksum and a newline. */
  #seal(first: number): void {
    this.#makeRoom(SEAL_LENGTH + 1);
    const sum = crc32(this.#bytes, first, this.#end);
    this.#addText(SEAL_HEAD);
    for (let shift = 28; shift >= 0; shift -= 4) {
      this.#bytes[this.#end] = HEX_DIGITS[(sum >>> shift) & 15] as number;
      this.#end += 1;
    }
    this.#addText(SEAL_TAIL);
    this.#bytes[this.#end] = 0x0a;
    this.#end += 1;
  }

  #makeRoom(count: number): void {
    if (this.#end + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#end + count));
    grown.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = grown;
  }
}
