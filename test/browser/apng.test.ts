import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { crc32, deflateSync, inflateSync } from 'node:zlib';
import { chunksOf, decodePng, encodeApng, type Picture } from './apng.ts';

const WIDTH = 5;
const HEIGHT = 4;

/** A picture of one color, except for these pixels. */
function picture(color: number, others: Readonly<Record<number, number>> = {}): Picture {
  const pixels = Buffer.alloc(WIDTH * HEIGHT * 4);
  for (let i = 0; i < WIDTH * HEIGHT; i += 1) pixels.writeUInt32BE(others[i] ?? color, i * 4);
  return { width: WIDTH, height: HEIGHT, pixels };
}

/** The frames as a viewer shows them: each is drawn over the one before, except where it is transparent. */
function play(animation: Buffer): { pixels: Buffer; delayMs: number; area: number }[] {
  const shown: { pixels: Buffer; delayMs: number; area: number }[] = [];
  const canvas = Buffer.alloc(WIDTH * HEIGHT * 4);
  let control: Buffer = Buffer.alloc(0);
  for (const { type, body } of chunksOf(animation)) {
    if (type === 'fcTL') control = body;
    if (type !== 'IDAT' && type !== 'fdAT') continue;
    const [width, height, left, top] = [4, 8, 12, 16].map((at) => control.readUInt32BE(at));
    assert(width !== undefined && height !== undefined && left !== undefined && top !== undefined);
    const rows = inflateSync(type === 'fdAT' ? body.subarray(4) : body);
    for (let i = 0; i < width * height; i += 1) {
      const [x, y] = [i % width, Math.floor(i / width)];
      const pixel = rows.readUInt32BE(y * (1 + width * 4) + 1 + x * 4);
      if ((pixel & 255) === 255) canvas.writeUInt32BE(pixel, ((top + y) * WIDTH + left + x) * 4);
    }
    const delayMs = control.readUInt16BE(20);
    shown.push({ pixels: Buffer.from(canvas), delayMs, area: width * height });
  }
  return shown;
}

describe('encodeApng', () => {
  const frames = [
    { picture: picture(0x102030ff), delayMs: 100 },
    { picture: picture(0x102030ff, { 6: 0xff0000ff, 13: 0x000000ff }), delayMs: 250 },
    { picture: picture(0x102030ff, { 6: 0xff0000ff, 13: 0x000000ff }), delayMs: 70_000 },
    { picture: picture(0xffffffff), delayMs: 40 },
  ];
  const animation = encodeApng(frames);

  it('shows every frame as it was, as long as it was', () => {
    const shown = play(animation);
    assert.deepEqual(
      shown.map(({ pixels }) => pixels),
      frames.map(({ picture: { pixels } }) => pixels),
    );
    assert.deepEqual(
      shown.map(({ delayMs }) => delayMs),
      [100, 250, 65_535, 40],
    );
  });

  it('stores only the rectangle that changed', () => {
    assert.deepEqual(
      play(animation).map(({ area }) => area),
      [WIDTH * HEIGHT, 6, 1, WIDTH * HEIGHT],
    );
  });

  it('numbers its frames and sums its chunks as the format wants it', () => {
    const chunks = [...chunksOf(animation)];
    const numbered = chunks.filter(({ type }) => type === 'fcTL' || type === 'fdAT');
    assert.deepEqual(
      numbered.map(({ body }) => body.readUInt32BE(0)),
      numbered.map((_, i) => i),
    );
    assert.equal(chunks.find(({ type }) => type === 'acTL')?.body.readUInt32BE(0), frames.length);
    for (const { type, body } of chunks) {
      const sum = animation.readUInt32BE(body.byteOffset - animation.byteOffset + body.length);
      assert.equal(sum, crc32(Buffer.concat([Buffer.from(type), body])), type);
    }
  });

  it('is a PNG of the first frame to who knows no animation', () => {
    assert.deepEqual(decodePng(animation), frames[0]?.picture);
  });
});

describe('decodePng', () => {
  const sum = (length: number) => Buffer.alloc(4, length);
  const chunk = (type: string, body: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(body.length);
    return Buffer.concat([length, Buffer.from(type), body, sum(0)]);
  };
  const png = (header: readonly number[], rows: readonly number[]) =>
    Buffer.concat([
      Buffer.alloc(8),
      chunk('IHDR', Buffer.from([0, 0, 0, 2, 0, 0, 0, 5, ...header])),
      chunk('IDAT', deflateSync(Buffer.from(rows))),
    ]);

  it('undoes every filter', () => {
    // Two pixels of RGB a row; worked out by hand from the five definitions.
    const rows = [
      [0, 10, 20, 30, 40, 50, 60],
      [1, 10, 20, 30, 30, 30, 30],
      [2, 0, 0, 0, 0, 0, 0],
      [3, 5, 10, 15, 15, 15, 15],
      [4, 0, 0, 0, 0, 0, 0],
    ];
    const { pixels } = decodePng(png([8, 2, 0, 0, 0], rows.flat()));
    const expected = [
      [10, 20, 30, 255, 40, 50, 60, 255],
      [10, 20, 30, 255, 40, 50, 60, 255],
      [10, 20, 30, 255, 40, 50, 60, 255],
      [10, 20, 30, 255, 40, 50, 60, 255],
      [10, 20, 30, 255, 40, 50, 60, 255],
    ];
    assert.deepEqual([...pixels], expected.flat());
  });

  it('refuses what it cannot read', () => {
    assert.throws(() => decodePng(png([8, 3, 0, 0, 0], [])), /color type 3/);
    assert.throws(() => decodePng(png([16, 2, 0, 0, 0], [])), /depth 16/);
    assert.throws(() => decodePng(png([8, 2, 0, 0, 1], [])), /interlace 1/);
    assert.throws(() => decodePng(png([8, 2, 0, 0, 0], [5, 1, 2, 3, 4, 5, 6])), /no filter 5/);
  });
});
