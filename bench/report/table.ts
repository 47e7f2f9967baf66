/** Tables of figures, written as aligned text or as Markdown. */
import type { Spread } from '../measure/statistics.ts';

/** A text, a figure, a figure with its quartiles, or several figures by name. */
export type Cell = string | number | null | Spread | Readonly<Record<string, number>>;

export interface Table {
  readonly title: string;
  /** Names with units. */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** Three significant digits, and separators of thousands. */
export function numberText(value: number): string {
  const size = Math.abs(value);
  if (!Number.isFinite(value)) return '-';
  if (size >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(size >= 10 ? 1 : 2);
}

export function cellText(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell === 'string') return cell;
  if (typeof cell === 'number') return numberText(cell);
  if (isSpread(cell)) {
    const { median, low, high } = cell;
    if (low === high) return numberText(median);
    return `${numberText(median)} (${numberText(low)}-${numberText(high)})`;
  }
  return Object.entries(cell)
    .map(([name, value]) => `${name} ${numberText(value)}`)
    .join(', ');
}

function isSpread(cell: Cell): cell is Spread {
  return typeof cell === 'object' && cell !== null && 'median' in cell;
}

/** Aligned columns: numbers to the right, texts to the left. */
export function textTable({ title, columns, rows }: Table): string {
  const lines = [columns, ...rows.map((row) => row.map(cellText))];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  const isRight = columns.map((_, i) => rows.every((row) => typeof row[i] !== 'string'));
  const written = lines.map((line) =>
    line
      .map((text, i) => (isRight[i] ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  return `${title}\n\n  ${written.join('\n  ')}\n`;
}

export function markdownTable({ title, columns, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = columns.map((_, i) =>
    rows.every((row) => typeof row[i] !== 'string') ? '---:' : '---',
  );
  const body = rows.map((row) => line(row.map((cell) => cellText(cell).replaceAll('|', '\\|'))));
  return `${[`**${title}**`, '', line(columns), line(rule), ...body].join('\n')}\n`;
}
