/**
 * A planted bug: one passage of the core, and a plausible mistake in its place.
 * Each is planted in a copy of the sources of its own, so that nothing here ever touches the real
 * ones. A passage that is not found exactly once stops the run, so that no bug becomes outdated unnoticed.
 */
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type InvariantId, idOf } from '../simulator/invariant-ids.ts';

/** What a planted bug does: it violates this invariant, or makes the core itself throw. */
export type Breakage = InvariantId | 'crash';

export interface Mutant {
  /** The bug, in a sentence. */
  readonly name: string;
  /** Under `src/lib/core`. */
  readonly file: string;
  readonly text: string;
  readonly replacement: string;
  /** Which simulator looks for it; without it the one of clusters with a fixed master. */
  readonly simulator?: 'elections';
  /** What it is found by: one of these, and nothing else. */
  readonly breaks: readonly Breakage[];
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** The folders that the simulator needs. */
const COPIED = ['package.json', 'src/lib/core', 'src/lib/runtime/random.ts', 'test/simulator'];

/** Why this mutant cannot be planted; null if it can. */
export function problemOf(mutant: Mutant): string | null {
  const found = placesOf(mutant.text, sourceOf(mutant)).length;
  if (found !== 1)
    return `"${mutant.name}": its text is ${found} times in ${mutant.file}, not once`;
  if (mutant.text === mutant.replacement) return `"${mutant.name}" changes nothing`;
  return null;
}

/** What a failed seed has broken, by its problem. */
export function breakageOf(problem: string): Breakage {
  return idOf(problem) ?? 'crash';
}

/** Copies the sources to a new folder, with the bug in them if there is one; returns the folder. */
export function plant(mutant: Mutant | null): string {
  const folder = mkdtempSync(join(tmpdir(), 'mutant-'));
  for (const path of COPIED) cpSync(join(ROOT, path), join(folder, path), { recursive: true });
  if (mutant !== null) {
    const { file, text, replacement } = mutant;
    const source = sourceOf(mutant);
    const [[start, end]] = placesOf(text, source) as [[number, number]];
    const changed = source.slice(0, start) + replacement + source.slice(end);
    writeFileSync(join(folder, 'src/lib/core', file), changed);
  }
  return folder;
}

function sourceOf({ file }: Mutant): string {
  return readFileSync(join(ROOT, 'src/lib/core', file), 'utf8');
}

/** Start and end of the text. White space does not count, because the formatter decides on it. */
function placesOf(text: string, source: string): [start: number, end: number][] {
  const wanted = text.replace(/\s/g, '');
  const indices = [...source.matchAll(/\S/g)].map(({ index }) => index);
  const packed = source.replace(/\s/g, '');
  const places: [number, number][] = [];
  for (let at = packed.indexOf(wanted); at >= 0; at = packed.indexOf(wanted, at + 1)) {
    places.push([indices[at] as number, (indices[at + wanted.length - 1] as number) + 1]);
  }
  return places;
}
