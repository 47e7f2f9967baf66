/** The results of a run: its tables and series, and the machine that made them, as JSON. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Outcome } from './scenarios/scenario.ts';
import { settings } from './settings.ts';

const DIRECTORY = fileURLToPath(new URL('results/', import.meta.url));

interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  /** The runtime of the servers, with its version. */
  readonly runtime: string;
  readonly date: string;
}

export interface ScenarioResult {
  readonly name: string;
  readonly shows: string;
  /** Why there is no outcome; null if there is. */
  readonly failure: string | null;
  readonly outcome: Outcome | null;
}

export interface Results {
  readonly machine: Machine;
  readonly isQuick: boolean;
  /** The peers' versions, by name. */
  readonly peers: Readonly<Record<string, string>>;
  readonly scenarios: readonly ScenarioResult[];
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    runtime: runtimeName(),
    date: new Date().toISOString().slice(0, 10),
  };
}

/** Writes the results to a new file, and returns its path. */
export function saveResults(results: Results): string {
  mkdirSync(DIRECTORY, { recursive: true });
  const time = new Date().toISOString().replace(/[:.]/g, '-');
  const runtime = results.machine.runtime.toLowerCase().replace(/\s+/g, '-');
  const path = join(DIRECTORY, `${time}-${runtime}.json`);
  writeFileSync(path, `${JSON.stringify(results, null, 1)}\n`);
  return path;
}

/** The path of the newest results. */
export function newestResults(): string {
  const name = readdirSync(DIRECTORY).sort().at(-1);
  if (name === undefined) throw new Error('there are no results yet: run make bench');
  return join(DIRECTORY, name);
}

export function readResults(path: string): Results {
  return JSON.parse(readFileSync(path, 'utf8')) as Results;
}

/** `Node 20.20.2`, or the command and version of another runtime. */
function runtimeName(): string {
  const [command, ...args] = settings.runtime as [string, ...string[]];
  const text = execFileSync(command, [...args, '--version'], { encoding: 'utf8' }).trim();
  return text.startsWith('v') ? `Node ${text.slice(1)}` : `${basename(command)} ${text}`;
}
