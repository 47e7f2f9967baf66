/**
 * Draws the messages of a lane: the last ones that fit as cells, all before them as one bar. So a log of any length
 * costs the same. A cell that changes is animated for a moment; otherwise nothing is drawn.
 */

const CELL_PX = 14;
const PITCH_PX = 18;
const BAR_PX = 104;
const FALL_PX = 12;
const NUMBERS_PX = 20;
const MOVE_MS = 500;
const wantsCalm = matchMedia('(prefers-reduced-motion: reduce)');
/** The media queries whose change changes the colours. */
const LOOK_QUERIES = ['(prefers-color-scheme: dark)', '(forced-colors: active)'];

/** @type {Set<LaneCanvas>} */
const laneCanvases = new Set();
let isDrawing = false;

/** Draws all lanes in the next frame of the browser, and goes on while a cell is animated. */
function requestDraw() {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame((now) => {
    isDrawing = false;
    let moves = false;
    for (const lane of laneCanvases) moves = lane.draw(now) || moves;
    if (moves) requestDraw();
  });
}

/** The first seq with a cell of its own, and where its cell begins. @param {number} widthPx @param {number} length */
function windowOf(widthPx, length) {
  const fitting = Math.floor(widthPx / PITCH_PX);
  if (length <= fitting) return { first: 1, left: 0 };
  const left = BAR_PX + 8;
  return { first: length - Math.floor((widthPx - left) / PITCH_PX) + 1, left };
}

class LaneCanvas {
  /** @type {HTMLCanvasElement} */
  #canvas;
  #withNumbers;
  /** The distance of the cells from the top, in px. */
  #top;
  /** @type {Ends} */
  #ends = { visible: 0, held: 0, sent: 0 };
  #length = 0;
  /** The state of each cell, and since when. @type {Map<number, {state: CellState, at: number}>} */
  #cells = new Map();

  /** @param {HTMLCanvasElement} canvas @param {boolean} withNumbers whether seqs stand above the cells */
  constructor(canvas, withNumbers) {
    this.#canvas = canvas;
    this.#withNumbers = withNumbers;
    this.#top = withNumbers ? NUMBERS_PX : FALL_PX;
    laneCanvases.add(this);
    new ResizeObserver(requestDraw).observe(canvas);
  }

  /** @param {Ends} ends @param {number} length of the master's log */
  show(ends, length) {
    this.#ends = ends;
    this.#length = length;
    requestDraw();
  }

  /** Draws the lane; true while a cell is animated. @param {number} now */
  draw(now) {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const pen = this.#pen(width, height);
    if (pen === null || width === 0) return false;
    const { first, left } = windowOf(width, this.#length);
    const look = lookOf(this.#canvas);
    if (first > 1) this.#drawBar(pen, first - 1, look);
    let moves = false;
    /** @type {Map<number, {state: CellState, at: number}>} */
    const cells = new Map();
    for (let seq = first; seq <= this.#length; seq += 1) {
      const state = stateAt(this.#ends, seq);
      const before = this.#cells.get(seq);
      // Cells that were there when the page was opened are not animated.
      const isNew = this.#cells.size > 0 || this.#length <= 1;
      const at = before === undefined && !isNew ? 0 : now;
      const cell = before?.state === state ? before : { state, at };
      cells.set(seq, cell);
      const progress = wantsCalm.matches ? 1 : Math.min(1, (now - cell.at) / MOVE_MS);
      moves ||= progress < 1;
      const x = left + (seq - first) * PITCH_PX;
      const falls = !this.#withNumbers && (before === undefined || state === 'sent');
      drawCell(pen, x, this.#top, state, progress, look, falls);
      if (this.#withNumbers && (seq === first || seq % 5 === 0)) this.#number(pen, seq, x, first);
    }
    this.#cells = cells;
    return moves;
  }

  /** @param {number} width @param {number} height */
  #pen(width, height) {
    const scale = devicePixelRatio;
    const [wanted, high] = [Math.round(width * scale), Math.round(height * scale)];
    if (this.#canvas.width !== wanted) this.#canvas.width = wanted;
    if (this.#canvas.height !== high) this.#canvas.height = high;
    const pen = this.#canvas.getContext('2d');
    pen?.setTransform(scale, 0, 0, scale, 0, 0);
    pen?.clearRect(0, 0, width, height);
    return pen;
  }

  /** Draws `1..last` as one bar, filled as far as each state goes. @param {CanvasRenderingContext2D} pen @param {number} last @param {Look} look */
  #drawBar(pen, last, look) {
    /** @param {number} end */
    const at = (end) => (Math.min(end, last) / last) * BAR_PX;
    const { visible, held, sent } = this.#ends;
    const top = this.#top;
    pen.strokeStyle = visible >= last ? look.accent : look.line;
    pen.lineWidth = 1.5;
    outline(pen, 0.75, top + 0.75, BAR_PX - 1.5, CELL_PX - 1.5, 3);
    pen.stroke();
    pen.save();
    pen.clip();
    pen.fillStyle = look.held;
    pen.fillRect(0, top + CELL_PX / 2, at(held), CELL_PX / 2);
    pen.fillStyle = look.accent;
    pen.fillRect(0, top + CELL_PX - 3, at(sent), 3);
    pen.fillRect(0, top, at(visible), CELL_PX);
    pen.restore();
    if (this.#withNumbers) this.#label(pen, `1 – ${number(last)}`, 0, 'left');
  }

  /** @param {CanvasRenderingContext2D} pen @param {number} seq @param {number} x @param {number} first */
  #number(pen, seq, x, first) {
    // The number of the first cell would overlap that of the bar or of the next fifth cell.
    if (seq === first && first > 1) return;
    this.#label(pen, number(seq), x + CELL_PX / 2, 'center');
  }

  /** @param {CanvasRenderingContext2D} pen @param {string} text @param {number} x @param {'left' | 'center'} align */
  #label(pen, text, x, align) {
    const look = lookOf(this.#canvas);
    pen.fillStyle = look.muted;
    pen.font = look.font;
    const half = pen.measureText(text).width / 2;
    const { clientWidth } = this.#canvas;
    pen.textAlign = align;
    const place = align === 'left' ? x : Math.max(half, Math.min(x, clientWidth - half));
    pen.fillText(text, place, this.#top - 7);
  }
}

/** @typedef {{accent: string, held: string, line: string, muted: string, font: string}} Look */

/** @type {Look | null} */
let knownLook = null;
for (const query of LOOK_QUERIES) {
  matchMedia(query).addEventListener('change', () => {
    knownLook = null;
    requestDraw();
  });
}

/** The colours of the style sheet. @param {Element} node @returns {Look} */
function lookOf(node) {
  if (knownLook !== null) return knownLook;
  const style = getComputedStyle(node);
  /** @param {string} name */
  const colour = (name) => style.getPropertyValue(name).trim();
  knownLook = {
    accent: colour('--accent'),
    held: colour('--held'),
    line: colour('--line-strong'),
    muted: colour('--muted'),
    font: `11px ${style.fontFamily}`,
  };
  return knownLook;
}

/** @param {CanvasRenderingContext2D} pen @param {number} x @param {number} y @param {number} width @param {number} height @param {number} radius */
function outline(pen, x, y, width, height, radius) {
  pen.beginPath();
  pen.roundRect(x, y, width, height, radius);
}

/**
 * Draws one cell; every state has a shape of its own. While it is animated it may fall from above, and its fill
 * becomes more opaque. The fill does not grow, because a half-filled cell means held back.
 * @param {CanvasRenderingContext2D} pen @param {number} x @param {number} y @param {CellState} state
 * @param {number} progress from 0 to 1 @param {Look} look @param {boolean} falls
 */
function drawCell(pen, x, y, state, progress, look, falls) {
  const eased = 1 - (1 - progress) ** 3;
  const middle = x + CELL_PX / 2;
  if (state === 'absent') {
    pen.fillStyle = look.muted;
    pen.beginPath();
    pen.arc(middle, y + CELL_PX / 2, 1.75, 0, 2 * Math.PI);
    pen.fill();
    return;
  }
  const top = falls ? y - (1 - eased) * FALL_PX : y;
  const side = CELL_PX - 1.5;
  pen.lineWidth = 1.5;
  pen.strokeStyle = state === 'held' ? look.held : look.accent;
  pen.fillStyle = pen.strokeStyle;
  outline(pen, x + 0.75, top + 0.75, side, side, 3);
  pen.stroke();
  if (state === 'sent') {
    pen.beginPath();
    pen.moveTo(middle, top + 4);
    pen.lineTo(middle, top + 9.5);
    pen.moveTo(middle - 2.3, top + 7.2);
    pen.lineTo(middle, top + 9.7);
    pen.lineTo(middle + 2.3, top + 7.2);
    pen.stroke();
    return;
  }
  const filled = state === 'held' ? side / 2 : side;
  outline(pen, x + 0.75, top + 0.75 + side - filled, side, filled, 3);
  pen.globalAlpha = state === 'held' ? 1 : eased;
  pen.fill();
  pen.globalAlpha = 1;
}
