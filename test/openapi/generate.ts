/** `npm run openapi`: generates from `openapi.yaml` the JSON that every node serves. */
import { writeFileSync } from 'node:fs';
import { DESCRIPTION_FILE } from '../../src/lib/api/openapi.ts';
import { generated } from './source.ts';

writeFileSync(DESCRIPTION_FILE, generated());
