/** `make fuzz`: runs every property with its share of RUNS cases; SEED=... generates the same cases again. */
import { randomInt } from 'node:crypto';
import { runAll } from './all.ts';

const runs = Number(process.env.RUNS || 100_000);
const seed = Number(process.env.SEED || randomInt(2 ** 31));
const only = process.env.ONLY ?? '';

const { cases, failed } = await runAll(runs, seed, only, (line) => console.log(line));
console.log(`${cases} cases, ${failed} properties failed (SEED=${seed})`);
if (failed > 0) {
  console.log(`replay: make fuzz SEED=${seed} RUNS=${runs}`);
}
process.exit(failed > 0 ? 1 : 0);
