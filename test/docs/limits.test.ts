/** docs/limits.md agrees with the sources: every constant that is a limit, its value and its file. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import {
  ConfigError,
  readMasterConfig,
  readSecondaryConfig,
} from '../../src/lib/runtime/config.ts';
import { readMemberConfig } from '../../src/lib/runtime/member-config.ts';

const LIBRARY = new URL('../../src/lib/', import.meta.url);
const DOCUMENT = new URL('../../docs/limits.md', import.meta.url);
/** The end of the name of a limit: its unit, or the kind of bound. */
const LIMIT_NAME = /_(MAX|MIN|MS|BYTES|CEILING|FACTOR)$/;
const UNITS: Record<string, number> = {
  '': 1,
  ms: 1,
  s: 1000,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

/** What a member must have. */
const MEMBER = { MEMBERS: 'a=http://127.0.0.1:8080', NODE_ID: 'a', DATA_DIR: 'data' };

interface Limit {
  readonly value: number;
  readonly where: string;
}

/** All exported limits of the sources, by name. */
async function limitsInSources(): Promise<Map<string, Limit>> {
  const limits = new Map<string, Limit>();
  const files = (await readdir(LIBRARY, { recursive: true })).filter((name) =>
    name.endsWith('.ts'),
  );
  for (const where of files) {
    const exported: Record<string, unknown> = await import(new URL(where, LIBRARY).href);
    for (const [name, value] of Object.entries(exported)) {
      if (typeof value === 'number' && LIMIT_NAME.test(name)) limits.set(name, { value, where });
    }
  }
  return limits;
}

/** The cells of the tables with this many columns, without their heads. */
async function rowsOf(columns: number): Promise<string[][]> {
  const lines = (await readFile(DOCUMENT, 'utf8')).split('\n');
  const rows = lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  return rows.filter((cells) => cells.length === columns && /^`[A-Z_]+`$/.test(cells[0] ?? ''));
}

function numberOf(text: string): number {
  const [, digits = '', unit = ''] = /^([0-9,]+) ?([A-Za-z]*)$/.exec(text) ?? [];
  return Number(digits.replaceAll(',', '')) * (UNITS[unit] ?? Number.NaN);
}

const nameOf = (cell: string | undefined) => (cell ?? '').replaceAll('`', '');

describe('docs/limits.md', () => {
  it('lists every limit of the sources once, with its value and its place', async () => {
    const documented = new Map<string, Limit>();
    for (const [name, value, , where] of await rowsOf(4)) {
      assert(!documented.has(nameOf(name)), `${name} is listed twice`);
      documented.set(nameOf(name), { value: numberOf(value ?? ''), where: where ?? '' });
    }
    const byName = (limits: Map<string, Limit>) => Object.fromEntries([...limits].sort());
    assert.deepEqual(byName(documented), byName(await limitsInSources()));
  });

  it('tells default and range of every variable as the configuration takes them', async () => {
    for (const [cell, fallback = '', from = '', to = ''] of await rowsOf(5)) {
      const name = nameOf(cell);
      const isGood = (value: string) => {
        const others = { FAULT_INJECTION: 'true', ...roomFor(name) };
        try {
          readMasterConfig({ ...others, [name]: value }, false);
          readSecondaryConfig({ ...others, [name]: value }, false);
          readMemberConfig({ ...MEMBER, ...others, [name]: value }, false);
          return true;
        } catch (error) {
          assert(error instanceof ConfigError);
          return false;
        }
      };
      const max = BigInt(to);
      assert(isGood(from) && isGood(to), `${name} takes ${from} and ${to}`);
      assert(!isGood(String(max + 1n)) && !isGood(String(BigInt(from) - 1n)), `${name} has bounds`);
      const settings = (value: string) => [
        readMasterConfig({ ...roomFor(name), [name]: value }, false),
        readSecondaryConfig({ [name]: value }, false),
        readMemberConfig({ ...MEMBER, ...roomFor(name), [name]: value }, false),
      ];
      assert.deepEqual(settings(fallback), settings(''), `${name} is ${fallback} by default`);
    }
  });
});

/** Other variables that must be set so that a variable has its whole range. */
function roomFor(name: string): Record<string, string> {
  if (name === 'SUSPECTED_AFTER_MISSES') return { UNHEALTHY_AFTER_MISSES: '1000000' };
  return name === 'BACKOFF_BASE_MS'
    ? { BACKOFF_MAX_MS: '2147483647' }
    : name === 'BACKOFF_MAX_MS'
      ? { BACKOFF_BASE_MS: '1' }
      : {};
}
