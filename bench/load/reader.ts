/** Reads one large answer and discards it; measures the time, and checks the length. */
import { connect, type Socket } from 'node:net';

const READ_BYTES = 1024 * 1024;
const HEADERS_END = Buffer.from('\r\n\r\n');

export interface Read {
  readonly ms: number;
  /** Of the body. */
  readonly bytes: number;
}

function request(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`;
}

/** Reads the whole answer. Rejects if it is not 200, or shorter than its `Content-Length`. */
export function readAll(port: number, path: string): Promise<Read> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    let bytes = 0;
    let expected: number | null = null;
    const headers = (part: Buffer) => {
      const end = part.indexOf(HEADERS_END);
      const text = part.toString('latin1', 0, end);
      const [, length] = /\r\ncontent-length: (\d+)/i.exec(text) ?? [];
      if (!text.startsWith('HTTP/1.1 200') || length === undefined) {
        throw new Error(`an answer that is none: ${text.slice(0, 200)}`);
      }
      expected = Number(length);
      return end + HEADERS_END.length;
    };
    const callback = (count: number, buffer: Uint8Array) => {
      const part = (buffer as Buffer).subarray(0, count);
      try {
        bytes += expected === null ? count - headers(part) : count;
      } catch (error) {
        reject(error);
        return false;
      }
      if (bytes === expected) resolve({ ms: performance.now() - start, bytes });
      return true;
    };
    const onread = { buffer: Buffer.allocUnsafe(READ_BYTES), callback };
    const socket = connect({ port, host: '127.0.0.1', onread });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`${bytes} of ${expected} bytes came`)));
    socket.write(request(path));
  });
}

/** Sends the request, and reads nothing of the answer. */
export function askAndStall(port: number, path: string): Socket {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => {});
  socket.write(request(path));
  return socket;
}
