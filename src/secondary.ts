/** The process of a secondary, or with `MEMBERS` of a member of a cluster that elects its master. */
import { startFrom } from './lib/runtime/start.ts';

await startFrom('secondary', process.env);
