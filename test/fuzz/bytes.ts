/** Bytes on a socket: good requests with bytes flipped, cut, doubled or put in between. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import fc from 'fast-check';
import { health } from '../support/client.ts';
import { type NodeProcess, startMaster, startSecondary } from '../support/cluster.ts';
import { rawAppend } from '../support/raw.ts';
import { mutated } from './arbitraries.ts';
import { checkAnswer, type Received } from './exchange.ts';
import { type Property, processes } from './property.ts';
import { appendedBy, stopSound } from './requests.ts';

const chunked = (path: string, type: string, pieces: readonly string[]) =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n` +
  [...pieces, ''].map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('');

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n\r\n`;
const frame = '{"logId":"L","epoch":1,"from":1,"messages":["a","b"],"keys":{"1":"k"}}\n';

const MASTER_REQUESTS = [
  rawAppend({ message: 'a', w: 1 }),
  rawAppend({ messages: ['a', 'b'] }) + get('/messages?from=1&limit=2'),
  chunked('/messages', 'application/json', ['{"mess', 'age":"a"', '}']),
  get('/health') + get('/messages/1?w=1'),
];
const SECONDARY_REQUESTS = [
  chunked('/replicate', 'application/x-ndjson', [frame.slice(0, 20), frame.slice(20)]),
  chunked('/replicate', 'application/x-ndjson', [frame, frame, '{"logId":']),
  get('/heartbeat') + get('/messages'),
];

/** Sends the bytes and ends the connection; returns all that comes back. */
function talk(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect({ port, host: '127.0.0.1', timeout: 20_000 });
    socket.on('timeout', () => reject(new Error('the connection is neither answered nor closed')));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => {});
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
    socket.end(bytes);
  });
}

/** The answers in what came back, the last of them perhaps cut off. */
function answersIn(received: string): Received[] {
  const answers: Received[] = [];
  let rest = received.replaceAll('HTTP/1.1 100 Continue\r\n\r\n', '');
  while (rest !== '') {
    const head = /^HTTP\/1\.1 (\d{3}) [^\r]*\r\n((?:[^\r\n]+\r\n)*)\r\n/.exec(rest);
    assert(head !== null, `not an answer: ${rest.slice(0, 200)}`);
    const lines = (head[2] as string).trimEnd().split('\r\n');
    const headers = Object.fromEntries(
      lines.map((line) => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 2),
      ]),
    );
    rest = rest.slice(head[0].length);
    const length = headers['content-length'];
    const body = length === undefined ? rest : rest.slice(0, Number(length));
    rest = length === undefined ? '' : rest.slice(Number(length));
    answers.push({ status: Number(head[1]), headers, body });
  }
  return answers;
}

function checker(node: NodeProcess, isMaster: boolean) {
  let length = 0;
  return async (bytes: Buffer) => {
    const answers = answersIn(await talk(node.port, bytes));
    const isHead = bytes.includes('HEAD');
    for (const answer of answers) if (!isHead) checkAnswer(answer);
    const now = (await health(node)).length;
    if (isMaster && !isHead) {
      const receipts = answers.reduce((sum, answer) => sum + appendedBy(answer), 0);
      assert.equal(now, length + receipts, 'exactly what was confirmed is appended');
    }
    length = now;
  };
}

export const byteProperties: readonly Property[] = [
  processes('bytes to a master', 0.06, mutated(fc.constantFrom(...MASTER_REQUESTS)), async () => {
    const master = await startMaster([]);
    return { check: checker(master, true), stop: () => stopSound(master) };
  }),
  processes(
    'bytes to a secondary',
    0.03,
    mutated(fc.constantFrom(...SECONDARY_REQUESTS)),
    async () => {
      const node = await startSecondary();
      return { check: checker(node, false), stop: () => stopSound(node) };
    },
  ),
];
