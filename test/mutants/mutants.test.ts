import assert from 'node:assert/strict';
import { it } from 'node:test';
import { problemOf } from './mutant.ts';
import { MUTANTS } from './mutants.ts';

it('every planted bug still has its place in the core, and a name of its own', () => {
  assert.deepEqual(
    MUTANTS.map(problemOf).filter((problem) => problem !== null),
    [],
  );
  assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
});
