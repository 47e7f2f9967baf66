/**
 * Draws the messages of a lane: the last ones that fit as cells, all before them as one bar. So a log of any length
 * costs the same. A cell that changes is animated for a moment; otherwise nothing is drawn.
 */

const CELL_PX = 14;
const PITCH_PX = 18;
const BAR_PX = 104;
const FALL_PX = 12;
const NUMBERS_PX = 20;
/** The radius of the hole in a cell that is not committed. */
const HOLE_PX = 3;
/** How far the mark of an epoch stands out above and below the cells. */
const EPOCH_PX = 4;
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
  /** @type {Ends} */
  #ends = { visible: 0, held: 0, sent: 0 };
  /** @type {Marks} */
  #marks = { committed: Number.POSITIVE_INFINITY, hasNumbers: false, isSource: false };
  #length = 0;
  /** The state of each cell, and since when. @type {Map<number, {state: DrawnState, at: number}>} */
  #cells = new Map();

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#canvas = canvas;
    laneCanvases.add(this);
    new ResizeObserver(requestDraw).observe(canvas);
  }

  /** The distance of the cells from the top, in px. */
  get #top() {
    return this.#marks.hasNumbers ? NUMBERS_PX : FALL_PX;
  }

  /** @param {Ends} ends @param {number} length of the longest log that is known @param {Marks} marks */
  show(ends, length, marks) {
    this.#ends = ends;
    this.#length = length;
    this.#marks = marks;
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
    /** @type {Map<number, {state: DrawnState, at: number}>} */
    const cells = new Map();
    const { hasNumbers, isSource } = this.#marks;
    for (let seq = first; seq <= this.#length; seq += 1) {
      const state = this.#stateAt(seq);
      const before = this.#cells.get(seq);
      // Cells that were there when the page was opened are not animated.
      const isNew = this.#cells.size > 0 || this.#length <= 1;
      const at = before === undefined && !isNew ? 0 : now;
      const cell = before?.state === state ? before : { state, at };
      cells.set(seq, cell);
      const progress = wantsCalm.matches ? 1 : Math.min(1, (now - cell.at) / MOVE_MS);
      moves ||= progress < 1;
      const x = left + (seq - first) * PITCH_PX;
      const falls = !isSource && (before === undefined || state === 'sent');
      drawCell(pen, x, this.#top, state, progress, look, falls);
      const epoch = epochFrom(seq);
      if (epoch !== null) this.#markEpoch(pen, epoch, x, isVisible(state) ? look : null);
      else if (hasNumbers && (seq === first || seq % 5 === 0)) this.#number(pen, seq, x, first);
    }
    this.#cells = cells;
    return moves;
  }

  /** @param {number} seq @returns {DrawnState} */
  #stateAt(seq) {
    const state = stateAt(this.#ends, seq);
    return state === 'visible' && seq > this.#marks.committed ? 'open' : state;
  }

  /** A line before the first cell of an epoch, if the node has it, and its number where seqs stand. @param {CanvasRenderingContext2D} pen @param {number} epoch @param {number} x @param {Look | null} look */
  #markEpoch(pen, epoch, x, look) {
    const middle = x - (PITCH_PX - CELL_PX) / 2;
    if (this.#marks.hasNumbers) this.#label(pen, `e${number(epoch)}`, middle, 'center');
    if (look === null) return;
    pen.strokeStyle = look.held;
    pen.lineWidth = 2;
    pen.beginPath();
    pen.moveTo(middle, this.#top - EPOCH_PX);
    pen.lineTo(middle, this.#top + CELL_PX + EPOCH_PX);
    pen.stroke();
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
    if (this.#marks.hasNumbers) this.#label(pen, `1 – ${number(last)}`, 0, 'left');
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

/** @param {DrawnState} state */
function isVisible(state) {
  return state === 'visible' || state === 'open';
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
 * @param {CanvasRenderingContext2D} pen @param {number} x @param {number} y @param {DrawnState} state
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
  // What is visible and not committed has a hole.
  if (state === 'open') pen.arc(middle, top + CELL_PX / 2, HOLE_PX, 0, 2 * Math.PI);
  pen.globalAlpha = state === 'held' ? 1 : eased;
  pen.fill('evenodd');
  pen.globalAlpha = 1;
}
