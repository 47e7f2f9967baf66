/** The body of `PUT /faults`. */
import type { Faults } from '../core/secondary.ts';
import { TIMER_MS_MAX } from '../http/limits.ts';
import { bad, isWithin, requireObject } from './fields.ts';

/** The longest artificial delay, in ms: that of a timer. */
export const FAULT_DELAY_MS_MAX = TIMER_MS_MAX;

/** Checks the body of `PUT /faults`, which may have any of the three fields. */
export function parseFaults(body: unknown): Partial<Faults> {
  const fields = requireObject(body, ['delayMs', 'errorRate', 'errorAfterApplyRate']);
  const faults: { -readonly [Name in keyof Faults]?: number } = {};
  for (const [name, value] of Object.entries(fields)) {
    const isDelay = name === 'delayMs';
    const max = isDelay ? FAULT_DELAY_MS_MAX : 1;
    const isNumber = typeof value === 'number' && isWithin(value, 0, max);
    if (!isNumber || (isDelay && !Number.isInteger(value))) {
      throw bad(`'${name}' must be ${isDelay ? 'an integer' : 'a number'} from 0 to ${max}`);
    }
    faults[name as keyof Faults] = value;
  }
  return faults;
}
