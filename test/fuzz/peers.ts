/**
 * Answers of peers: a fake secondary that answers anything to heartbeats and frames. The master
 * incarnations, does not grow, serves w=1 meanwhile, believes nothing that cannot be true, and is at peace
 * with the peer as soon as it speaks sense.
 */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import fc from 'fast-check';
import { append, health } from '../support/client.ts';
import { startMaster } from '../support/cluster.ts';
import { FakeSecondary, HONEST, type SeenFrame } from '../support/fake-secondary.ts';
import { residentMebibytes } from '../support/usage.ts';
import { waitFor } from '../support/wait.ts';
import { deepJson, halfValid, json, mutated, number, text } from './arbitraries.ts';
import { type Property, processes } from './property.ts';
import { stopSound } from './requests.ts';

/** How much a master may grow during false answers, in MiB. */
const GROWTH_MEBIBYTES_MAX = 150;

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly pieces: readonly (string | Uint8Array)[];
  /** What follows: the end, nothing, a reset, or the last piece for as long as it is taken. */
  readonly ending: string;
}

const statement = halfValid({
  nodeId: fc.oneof(fc.constant('fake'), text),
  bootId: fc.oneof(fc.constantFrom('incarnation-1', 'incarnation-2'), text),
  logId: fc.oneof(fc.constantFrom('L', null), text),
  epoch: fc.oneof(fc.constantFrom(0, 1), number),
  length: fc.oneof(fc.nat(5), number),
  epochs: json,
  writers: json,
}).map((value) => `${JSON.stringify(value)}\n`);

const piece = fc.oneof(
  statement,
  mutated(statement),
  deepJson,
  fc.uint8Array({ maxLength: 50 }),
  fc.constantFrom(
    '\n'.repeat(70_000),
    'x'.repeat(100_000),
    '<html>',
    '{',
    `"${'漢'.repeat(9_000)}"\n`,
  ),
  json.map((value) => JSON.stringify(value)),
);

const answer: fc.Arbitrary<Answer> = fc.record({
  status: fc.oneof(
    fc.constant(200),
    fc.constantFrom(201, 204, 206, 304, 307, 400, 401, 409, 500, 503, 599),
  ),
  headers: fc.constantFrom<Record<string, string>[]>(
    {},
    { 'content-type': 'text/html' },
    { location: 'http://127.0.0.1:1/' },
    { 'content-encoding': 'gzip' },
    { 'content-length': '9007199254740991' },
    { 'x-noise': 'x'.repeat(15_000) },
    { connection: 'close' },
  ),
  pieces: fc.array(piece, { maxLength: 4 }),
  ending: fc.constantFrom('end', 'end', 'silence', 'reset', 'endless', 'bare'),
});

/** Sends the answer; an endless one goes on until it is no longer read. */
function give({ status, headers, pieces, ending }: Answer, res: ServerResponse): void {
  if (res.destroyed || res.writableEnded) return;
  if (ending === 'bare') {
    // This is not HTTP.
    for (const piece of pieces) res.socket?.write(piece);
    res.socket?.end();
    return;
  }
  if (!res.headersSent) res.writeHead(status, headers);
  for (const piece of pieces) res.write(piece);
  if (ending === 'end') res.end();
  else if (ending === 'reset') res.socket?.resetAndDestroy();
  else if (ending === 'endless') goOn(res, pieces.at(-1) ?? '\n');
}

function goOn(res: ServerResponse, piece: string | Uint8Array): void {
  const bytes = Buffer.from(piece);
  const large = Buffer.concat(Array<Buffer>(Math.ceil(65_536 / (bytes.length + 1))).fill(bytes));
  // Not all in one turn, or the fake would serve no other request.
  for (let i = 0; i < 8 && !res.destroyed && large.length > 0; i += 1) {
    if (res.write(large)) continue;
    res.once('drain', () => goOn(res, piece));
    return;
  }
}

async function start() {
  let [beat, ack]: [Answer | null, Answer | null] = [null, null];
  const fake = new FakeSecondary({
    heartbeat: (res, _, headers) =>
      beat === null ? HONEST.heartbeat(res, fake, headers) : give(beat, res),
    frame: (frame: SeenFrame, res: ServerResponse) => {
      if (ack === null) HONEST.frame(frame, res, fake);
      else give(ack, res);
    },
  });
  const close = await fake.open();
  const master = await startMaster([fake.port], {
    QUORUM_APPEND: false,
    HEARTBEAT_INTERVAL_MS: 20,
    HEARTBEAT_TIMEOUT_MS: 60,
    REPLICATION_TIMEOUT_MS: 60,
    BACKOFF_BASE_MS: 1,
    BACKOFF_MAX_MS: 20,
    LOG_LEVEL: 'error',
  });
  await waitFor('the master to be ok', async () => (await health(master)).status === 'ok');
  const before = await residentMebibytes(master);
  let length = 0;
  const check = async (answers: [Answer | null, Answer | null]) => {
    [beat, ack] = answers;
    fake.frames.length = 0;
    const { heartbeats, streams } = fake;
    const begin = performance.now();
    const appended = await append(master, { message: 'm', w: 1 }, {}, AbortSignal.timeout(20_000));
    assert.equal(appended.status, 201);
    assert(performance.now() - begin < 10_000, 'w=1 waits for nobody');
    length += 1;
    const isAsked = () => {
      const hasStream = fake.streams + fake.frames.length > streams;
      // A stream is opened only to an incarnation that answered, and a false answer may not count.
      if (!hasStream && fake.heartbeats > heartbeats + 5) beat = null;
      return fake.heartbeats > heartbeats && hasStream;
    };
    // After several false answers the next attempt may wait for its backoff or time-out.
    await waitFor('the peer to be asked', isAsked);
    const { secondaries, length: shown } = await health(master);
    assert.equal(shown, length);
    assert(secondaries[0].length >= 0 && secondaries[0].length <= length);
  };
  const stop = async () => {
    [beat, ack] = [null, null];
    fake.bootId = 'an-honest-incarnation';
    const grown = (await residentMebibytes(master)) - before;
    const held = await append(master, { message: 'last', w: 2 }, {}, AbortSignal.timeout(20_000));
    assert.equal(held.status, 201);
    close();
    await stopSound(master);
    assert(grown < GROWTH_MEBIBYTES_MAX, `the master grew by ${grown} MiB`);
  };
  return { check, stop };
}

export const peerProperties: readonly Property[] = [
  processes(
    'answers of a peer',
    0.01,
    fc.tuple(fc.option(answer, { freq: 3 }), fc.option(answer, { freq: 6 })),
    start,
  ),
];
