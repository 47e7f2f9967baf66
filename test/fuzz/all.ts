/** All properties, in the order of the layers: functions, environment, requests, frames, peers. */

import { byteProperties } from './bytes.ts';
import { environmentProperties } from './environment.ts';
import { frameProperties } from './frames.ts';
import { parserProperties } from './parsers.ts';
import { peerProperties } from './peers.ts';
import type { Property } from './property.ts';
import { requestProperties } from './requests.ts';

export const PROPERTIES: readonly Property[] = [
  ...parserProperties,
  ...environmentProperties,
  ...requestProperties,
  ...byteProperties,
  ...frameProperties,
  ...peerProperties,
];

/** How many of `runs` cases a property has. */
export function casesOf({ share }: Property, runs: number): number {
  return Math.max(1, Math.round(share * runs));
}

/** Runs the properties whose name contains `only`, and reports the result of each. */
export async function runAll(
  runs: number,
  seed: number,
  only: string,
  say: (line: string) => void,
): Promise<{ cases: number; failed: number }> {
  let cases = 0;
  let failed = 0;
  for (const property of PROPERTIES.filter(({ name }) => name.includes(only))) {
    const count = casesOf(property, runs);
    const begin = performance.now();
    try {
      await property.run({ count, seed });
      const seconds = ((performance.now() - begin) / 1000).toFixed(1);
      say(`ok    ${property.name}: ${count} cases in ${seconds} s`);
    } catch (error) {
      failed += 1;
      say(`FAILED ${property.name}: ${error instanceof Error ? error.message : error}`);
    }
    cases += count;
  }
  return { cases, failed };
}
