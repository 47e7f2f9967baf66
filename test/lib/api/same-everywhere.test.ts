/**
 * What is read is the same on every node, byte for byte: on the master, on a secondary that got it frame
 * by frame, on one that starts again from its disk, and on a master that recovered it from there; whatever
 * was appended, by any number of masters, and whatever was cut off in between.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as fs from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { listRoute } from '../../../src/lib/api/messages.ts';
import type { LogView, NodePort } from '../../../src/lib/api/ports.ts';
import { Applier } from '../../../src/lib/core/log/apply.ts';
import type { KeyIndex } from '../../../src/lib/core/log/idempotency.ts';
import type { Log } from '../../../src/lib/core/log/log.ts';
import { Replica } from '../../../src/lib/core/log/replica.ts';
import { frameEnd } from '../../../src/lib/core/replication/frame-end.ts';
import { type FrameAnswer, Secondary } from '../../../src/lib/core/secondary.ts';
import { createServer } from '../../../src/lib/http/server.ts';
import { openStorage, type Storage } from '../../../src/lib/storage/storage.ts';
import { readAppend } from '../../../src/lib/wire/append-body.ts';
import { encodeFrame, readFrame } from '../../../src/lib/wire/frame.ts';

/** Small, so that most lists of epochs come in parts. */
const FRAME_EPOCHS = 2;
const FORMS = ['application/json', 'application/x-ndjson'];

interface Held {
  readonly log: Log;
  readonly keys: KeyIndex;
}

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }).map((one) => JSON.stringify(one.toWellFormed())),
  fc.constantFrom(
    '""',
    '"\\u0041"',
    '"\\/"',
    '"\\ud83d\\ude00"',
    '"\u007f"',
    '"\u2028"',
    '"[\\"a\\"]"',
  ),
  fc.integer({ min: 0, max: 3000 }).map((length) => `"${'ї'.repeat(length)}"`),
);
const appending = fc.record({
  texts: fc.array(text, { minLength: 1, maxLength: 5 }),
  comma: fc.constantFrom(',', ', ', ' ,\n'),
  isKeyed: fc.boolean(),
});
/** One master: how much it has of the log before it, what it appends, how much it sends. */
const living = fc.record({
  restored: fc.double({ min: 0, max: 1, noNaN: true }),
  appends: fc.array(appending, { maxLength: 6 }),
  sent: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
  frameBytes: fc.integer({ min: 1, max: 200 }),
});
const paging = fc.record({
  from: fc.integer({ min: 1, max: 60 }),
  limit: fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 60 })),
  form: fc.constantFrom(...FORMS),
});

/** The frames of a log up to `to`, as lines, from the entry `from` on; the first ones with its epochs. */
function* linesOf({ log, keys }: Held, origin: Origin, from: number, to: number, bytesMax: number) {
  const { epochs } = log;
  let offset = 0;
  const encode = (first: number, last: number, isFirst: boolean, hasMore: boolean) => {
    const starts = epochs.slice(offset, hasMore ? offset + FRAME_EPOCHS : undefined);
    const told = isFirst ? starts : null;
    const part = { offset, hasMore };
    const frame = { ...origin, log, keys, from: first, to: last, epochs: told, part };
    return Buffer.concat(encodeFrame(frame)).subarray(0, -1);
  };
  for (; epochs.length - offset > FRAME_EPOCHS; offset += FRAME_EPOCHS) {
    yield encode(from, from - 1, true, true);
  }
  yield encode(from, from - 1, true, false);
  for (let seq = from; seq <= to; ) {
    const end = frameEnd(log, keys, seq, to, bytesMax);
    yield encode(seq, end, false, false);
    seq = end + 1;
  }
}

type Origin = { readonly logId: string; readonly epoch: number; readonly writer: string };

/** Servers that serve the logs they are given. */
async function serveViews(t: TestContext, count: number) {
  const views: LogView[] = [];
  const urls: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const port = {
      get core() {
        return views[index] as LogView;
      },
      now: () => 0,
    } as unknown as NodePort;
    const logger = { debug: () => {}, error: () => {} };
    const routes = [listRoute(port)];
    const { server } = createServer({ routes, apiToken: null, clusterToken: null, logger });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    urls.push(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  }
  return { views, urls };
}

function openDisk(path: string): Promise<Storage> {
  return openStorage(path, {
    fsync: 'never',
    onSynced: () => {},
    onFailed: (error) => {
      throw error;
    },
  });
}

function secondaryOn({ journal, restored }: Storage): Secondary {
  const faults = { delayMs: 0, errorRate: 0, errorAfterApplyRate: 0 };
  return new Secondary(
    { nodeId: 's', bootId: 'B', faults },
    () => {},
    new Replica(journal, restored),
  );
}

function viewOf({ log }: Held, logEpoch: number): LogView {
  const { length } = log;
  return { log, length, logId: 'L', logEpoch, committed: length } as LogView;
}

describe('GET /messages on every node', () => {
  it('gives the same bytes for any history, key, text and page', async (t) => {
    const { views, urls } = await serveViews(t, 4);
    const directory = fs.mkdtempSync(join(tmpdir(), 'same-'));
    t.after(() => fs.rmSync(directory, { recursive: true, force: true }));
    let runs = 0;
    let cuts = 0;

    const incarnations = fc.array(living, { minLength: 1, maxLength: 6 });
    const pages = fc.array(paging, { minLength: 4, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(incarnations, pages, async (masters, asked) => {
        runs += 1;
        const path = join(directory, String(runs));
        const storage = await openDisk(path);
        const secondary = secondaryOn(storage);
        const master = new Replica();
        master.begin('L');
        let keys = 0;
        for (const [index, { restored, appends, sent, frameBytes }] of masters.entries()) {
          const origin = { logId: 'L', epoch: index + 1, writer: `w${index}` };
          master.cut(Math.floor(restored * master.log.length));
          master.promise(origin);
          master.beginEpoch(origin);
          for (const { texts, comma, isKeyed } of appends) {
            const body = Buffer.from(`{"messages":[${texts.join(comma)}]}`);
            const { messages } = readAppend(body, 100_000);
            const first = master.log.length + 1;
            keys += 1;
            const key = `"\\key ${keys}`;
            const keyed = messages.ends.map((_, i) => [first + i, key] as const);
            assert(master.append(messages, origin, isKeyed ? keyed : []));
          }
          const isLast = index === masters.length - 1;
          const to = isLast ? master.log.length : Math.floor(sent * master.log.length);
          push(secondary, linesOf(master, origin, 1, master.keys.runStart(to + 1) - 1, frameBytes));
        }
        cuts += secondary.discarded > 0 ? 1 : 0;
        await storage.close();
        const opened = await openDisk(path);
        const again = secondaryOn(opened);
        const recovered = new Replica();
        const applier = new Applier(recovered, 'B', () => {});
        const origin = { logId: 'L', epoch: 99, writer: 'next' };
        for (const line of linesOf(again, origin, 1, again.length, 50)) {
          assert.equal(applier.take(readFrame(line)), null);
        }
        for (const [index, node] of [master, secondary, again, recovered].entries()) {
          assert.deepEqual(node.keys.within(1, 1000), master.keys.within(1, 1000));
          views[index] = viewOf(node, masters.length);
        }
        for (const page of asked) await assertSame(urls, page);
        await opened.close();
        fs.rmSync(path, { recursive: true });
      }),
      { numRuns: 60, seed: 7 },
    );
    assert(cuts > 5, `in ${cuts} histories something was cut off`);
  });
});

function push(secondary: Secondary, lines: Iterable<Uint8Array>): void {
  for (const line of lines) {
    const answers: FrameAnswer[] = [];
    secondary.receive(readFrame(line), [0.5, 0.5], 0, (answer) => answers.push(answer));
    assert.equal(answers[0]?.kind, 'ack', JSON.stringify(answers));
  }
}

async function assertSame(
  urls: readonly string[],
  { from, limit, form }: { from: number; limit: number | null; form: string },
): Promise<void> {
  const query = `?from=${from}${limit === null ? '' : `&limit=${limit}`}`;
  const answers = await Promise.all(
    urls.map(async (url) => {
      const response = await fetch(`${url}/messages${query}`, { headers: { accept: form } });
      const names = ['etag', 'log-length', 'log-epoch', 'log-id', 'content-length'];
      const headers = names.map((name) => response.headers.get(name));
      const bytes = Buffer.from(await response.arrayBuffer());
      return { status: response.status, headers, bytes: bytes.toString('latin1') };
    }),
  );
  assert.equal(answers[0]?.status, 200);
  for (const answer of answers) assert.deepEqual(answer, answers[0]);
}
