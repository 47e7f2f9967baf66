/** All planted bugs. */
import type { Mutant } from './mutant.ts';
import { ON_COMPLETENESS } from './on-completeness.ts';
import { ON_ELECTIONS } from './on-elections.ts';
import { ON_MASTERS } from './on-masters.ts';
import { ON_RECOVERY } from './on-recovery.ts';
import { ON_SECONDARIES } from './on-secondaries.ts';
import { ON_TAILS } from './on-tails.ts';

export const MUTANTS: readonly Mutant[] = [
  ...ON_SECONDARIES,
  ...ON_MASTERS,
  ...ON_RECOVERY,
  ...ON_COMPLETENESS,
  ...ON_TAILS,
  ...ON_ELECTIONS,
];
