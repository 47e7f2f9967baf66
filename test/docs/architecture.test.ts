/** docs/architecture.md says what the sources say: which room imports which, and which files the core has. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SOURCES = join(ROOT, 'src');
const PAGE = 'docs/architecture.md';
/** An import of a file: whether it is of types only, and the path. */
const IMPORT =
  /^(?:import|export)( type)?\b(?:[^'";]*?\bfrom)? *'(\.[^']+)'|\bimport\( *'(\.[^']+)'/gm;

/** Which rooms one room imports: values (and perhaps types), or only types. */
interface Imports {
  readonly values: Set<string>;
  readonly types: Set<string>;
}

/** The room of a file below `src/`: a folder of `lib/`, or the file itself if it is an entry. */
function roomOf(file: string): string {
  const [first = '', room = ''] = file.split('/');
  return first === 'lib' ? room : first;
}

function importsInSources(): Map<string, Imports> {
  const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' });
  const rooms = new Map<string, Imports>();
  for (const file of files.filter((name) => /\.[jt]s$/.test(name))) {
    const room = roomOf(file);
    const imports = rooms.get(room) ?? { values: new Set(), types: new Set() };
    rooms.set(room, imports);
    for (const [, type, path, called] of readFileSync(join(SOURCES, file), 'utf8').matchAll(
      IMPORT,
    )) {
      const other = roomOf(normalize(join(dirname(file), path ?? called ?? '')));
      // A declaration file has nothing but types.
      const isType = type !== undefined || file.endsWith('.d.ts');
      if (other !== room) imports[isType ? 'types' : 'values'].add(other);
    }
  }
  for (const { values, types } of rooms.values()) for (const value of values) types.delete(value);
  return rooms;
}

/** The cells of the table under a heading of the page, without its head. */
function rowsUnder(heading: string): string[][] {
  const [, section = ''] = readFileSync(join(ROOT, PAGE), 'utf8').split(`\n## ${heading}\n`);
  const [upToNext = ''] = section.split('\n## ');
  const lines = upToNext.split('\n').filter((line) => line.startsWith('|'));
  const cells = lines.map((line) => line.split('|').slice(1, -1));
  return cells.slice(2).map((row) => row.map((cell) => cell.trim()));
}

/** The names in code style of a cell. */
const namesIn = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);

/** The rooms that `room` loads, directly or through others. */
function loadedBy(room: string, rooms: Map<string, Imports>, found = new Set<string>()) {
  for (const other of rooms.get(room)?.values ?? []) {
    if (found.has(other)) continue;
    found.add(other);
    loadedBy(other, rooms, found);
  }
  return found;
}

describe(PAGE, () => {
  const rooms = importsInSources();

  it('has a line for every room', () => {
    const listed = rowsUnder('The rooms').flatMap(([room]) => namesIn(room));
    const folders = readdirSync(join(SOURCES, 'lib')).map((folder) => `${folder}/`);
    assert.deepEqual([...listed].sort(), folders.sort());
  });

  it('says of every room which others it imports', () => {
    const written = rowsUnder('Which room imports which').map(([room, values, types]) => [
      namesIn(room).join(),
      { imports: namesIn(values).sort(), types: namesIn(types).sort() },
    ]);
    const derived = [...rooms].map(([room, { values, types }]) => [
      room,
      { imports: [...values].sort(), types: [...types].sort() },
    ]);
    assert.equal(written.length, derived.length);
    assert.deepEqual(Object.fromEntries(written), Object.fromEntries(derived));
  });

  it('is right that the core imports nothing but itself', () => {
    const core = join(SOURCES, 'lib/core');
    for (const file of readdirSync(core, { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.ts')) continue;
      const text = readFileSync(join(core, file), 'utf8');
      // A module of Node or a package: its name does not begin with a dot.
      assert.doesNotMatch(text, /^(?:(?:import|export|\}).* from|import) '[^.]/m, file);
    }
  });

  it('is right that no room loads itself through others', () => {
    for (const room of rooms.keys()) assert(!loadedBy(room, rooms).has(room), `${room} does`);
  });

  it('has a line for every file of the core', () => {
    const core = join(SOURCES, 'lib/core');
    const listed = rowsUnder('The files of the core').flatMap(([file]) => namesIn(file));
    const files = readdirSync(core, { recursive: true, encoding: 'utf8' });
    assert.deepEqual([...listed].sort(), files.filter((name) => name.endsWith('.ts')).sort());
  });
});
