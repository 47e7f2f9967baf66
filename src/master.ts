/** The process of a master, or with `MEMBERS` of a member of a cluster that elects its master. */
import { startFrom } from './lib/runtime/start.ts';

await startFrom('master', process.env);
