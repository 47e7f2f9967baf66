/**
 * Makes an animated PNG of screenshots. Each frame has the rectangle that changed, and in it only the pixels that
 * changed: all others are transparent, which takes almost no bytes. Format: https://www.w3.org/TR/png-3/.
 */
import { crc32, deflateSync, inflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
const RGB = 2;
const RGBA = 6;
const PIXEL_BYTES = 4;
/** How long a frame may last: its delay in milliseconds has 16 bits. */
const DELAY_MS_MAX = 65_535;

/** An opaque picture: 4 bytes a pixel, red, green, blue and 255, row by row. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Buffer;
}

export interface Frame {
  readonly picture: Picture;
  readonly delayMs: number;
}

interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Reads a PNG of 8-bit RGB or RGBA that is not interlaced, as browsers write them; transparency is ignored. */
export function decodePng(png: Buffer): Picture {
  const data: Buffer[] = [];
  let header: Buffer = Buffer.alloc(13);
  for (const { type, body } of chunksOf(png)) {
    if (type === 'IHDR') header = body;
    if (type === 'IDAT') data.push(body);
  }
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const [depth, color, , , interlace] = header.subarray(8);
  if (depth !== 8 || (color !== RGB && color !== RGBA) || interlace !== 0) {
    throw new Error(
      `depth ${depth}, color type ${color}, interlace ${interlace} are not supported`,
    );
  }
  const sampleBytes = color === RGB ? 3 : 4;
  const rows = inflateSync(Buffer.concat(data));
  const rowBytes = width * sampleBytes;
  const pixels = Buffer.alloc(width * height * PIXEL_BYTES, 255);
  let before: Buffer = Buffer.alloc(rowBytes);
  for (let y = 0; y < height; y += 1) {
    const start = y * (rowBytes + 1);
    const row = rows.subarray(start + 1, start + 1 + rowBytes);
    unfilter(rows[start] ?? 0, row, before, sampleBytes);
    for (let x = 0; x < width; x += 1) {
      row.copy(pixels, (y * width + x) * PIXEL_BYTES, x * sampleBytes, x * sampleBytes + 3);
    }
    before = row;
  }
  return { width, height, pixels };
}

/** The chunks of a PNG, in order. */
export function* chunksOf(png: Buffer): Generator<{ type: string; body: Buffer }> {
  for (let at = SIGNATURE.length; at < png.length; ) {
    const length = png.readUInt32BE(at);
    const type = png.toString('latin1', at + 4, at + 8);
    yield { type, body: png.subarray(at + 8, at + 8 + length) };
    at += 12 + length;
  }
}

/** Undoes the filter of one row in place; `before` is the row above. */
function unfilter(filter: number, row: Buffer, before: Buffer, sampleBytes: number): void {
  for (let i = 0; i < row.length; i += 1) {
    const left = i < sampleBytes ? 0 : (row[i - sampleBytes] ?? 0);
    const corner = i < sampleBytes ? 0 : (before[i - sampleBytes] ?? 0);
    row[i] = (row[i] ?? 0) + prediction(filter, left, before[i] ?? 0, corner);
  }
}

function prediction(filter: number, left: number, above: number, corner: number): number {
  switch (filter) {
    case 0:
      return 0;
    case 1:
      return left;
    case 2:
      return above;
    case 3:
      return (left + above) >> 1;
    case 4:
      return paeth(left, above, corner);
    default:
      throw new Error(`there is no filter ${filter}`);
  }
}

function paeth(left: number, above: number, corner: number): number {
  const byLeft = Math.abs(above - corner);
  const byAbove = Math.abs(left - corner);
  const byCorner = Math.abs(left + above - 2 * corner);
  if (byLeft <= byAbove && byLeft <= byCorner) return left;
  return byAbove <= byCorner ? above : corner;
}

/** An animation that is repeated without end. All frames must be as large as the first. */
export function encodeApng(frames: readonly Frame[]): Buffer {
  const [first] = frames;
  if (first === undefined) throw new Error('an animation has at least one frame');
  const { width, height } = first.picture;
  const whole = { x: 0, y: 0, width, height };
  const chunks = [
    SIGNATURE,
    chunk('IHDR', numbers(width, height), Buffer.from([8, RGBA, 0, 0, 0])),
  ];
  const parts: Buffer[] = [];
  let sequence = 0;
  let count = 0;
  let shown: Picture | null = null;
  for (const { picture, delayMs } of frames) {
    const place = shown === null ? whole : changed(shown, picture);
    const data = deflateSync(rowsOf(picture, shown, place), { level: 9, memLevel: 9 });
    parts.push(frameControl(sequence, place, delayMs));
    sequence += 1;
    if (shown === null) parts.push(chunk('IDAT', data));
    else parts.push(chunk('fdAT', numbers(sequence++), data));
    shown = picture;
    count += 1;
  }
  return Buffer.concat([...chunks, chunk('acTL', numbers(count, 0)), ...parts, chunk('IEND')]);
}

/** The smallest rectangle outside of which two pictures are the same; one pixel if they are the same everywhere. */
function changed(one: Picture, other: Picture): Rectangle {
  const { width, height } = one;
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = (y * width + x) * PIXEL_BYTES;
      if (one.pixels.readUInt32BE(at) === other.pixels.readUInt32BE(at)) continue;
      [left, right] = [Math.min(left, x), Math.max(right, x)];
      [top, bottom] = [Math.min(top, y), y];
    }
  }
  if (right < 0) return { x: 0, y: 0, width: 1, height: 1 };
  return { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
}

/** The rows of a rectangle, unfiltered; pixels that have not changed are transparent. */
function rowsOf(picture: Picture, shown: Picture | null, place: Rectangle): Buffer {
  const rowBytes = 1 + place.width * PIXEL_BYTES;
  const rows = Buffer.alloc(place.height * rowBytes);
  for (let y = 0; y < place.height; y += 1) {
    for (let x = 0; x < place.width; x += 1) {
      const at = ((place.y + y) * picture.width + place.x + x) * PIXEL_BYTES;
      const pixel = picture.pixels.readUInt32BE(at);
      if (shown?.pixels.readUInt32BE(at) === pixel) continue;
      rows.writeUInt32BE(pixel, y * rowBytes + 1 + x * PIXEL_BYTES);
    }
  }
  return rows;
}

/** How the next frame is shown: drawn over the one before, which stays. */
function frameControl(sequence: number, place: Rectangle, delayMs: number): Buffer {
  const times = Buffer.alloc(6);
  times.writeUInt16BE(Math.min(Math.round(delayMs), DELAY_MS_MAX), 0);
  times.writeUInt16BE(1000, 2);
  times.writeUInt8(1, 5);
  return chunk('fcTL', numbers(sequence, place.width, place.height, place.x, place.y), times);
}

function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, i * 4);
  return bytes;
}

function chunk(type: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), ...parts]);
  return Buffer.concat([numbers(body.length - 4), body, numbers(crc32(body))]);
}
