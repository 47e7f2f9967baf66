/** The refusals of the core, and the events it logs. `http/problems.ts` makes HTTP answers of refusals. */

/** Why an append, a read or a frame was refused. It has changed nothing, except where `applied` says so. */
export type Refusal = { readonly kind: 'refused' } & (
  | { readonly problem: 'w-exceeds-cluster'; readonly n: number }
  | { readonly problem: 'idempotency-key-reused'; readonly seq: number }
  | {
      readonly problem: 'read-only';
      readonly required: number;
      readonly available: number;
      readonly missing: readonly string[];
    }
  | { readonly problem: 'recovering'; readonly reason: string | null }
  | { readonly problem: 'fenced'; readonly epoch: number }
  | {
      readonly problem: 'not-master';
      readonly master: { readonly id: string; readonly url: string; readonly epoch: number };
    }
  | { readonly problem: 'no-master'; readonly reason: string | null }
  | { readonly problem: 'members-mismatch'; readonly members: string }
  | { readonly problem: 'shutting-down' }
  | { readonly problem: 'overloaded'; readonly limit: number }
  | { readonly problem: 'log-full'; readonly limit: number; readonly used: number }
  | { readonly problem: 'disk-full' }
  | { readonly problem: 'stale-epoch'; readonly epoch: number }
  | { readonly problem: 'log-mismatch'; readonly logId: string }
  | { readonly problem: 'boot-mismatch'; readonly bootId: string }
  | { readonly problem: 'epochs-missing' }
  | { readonly problem: 'diverged'; readonly seq: number; readonly length: number }
  | { readonly problem: 'gap'; readonly length: number }
  | { readonly problem: 'injected-fault'; readonly applied: boolean }
);

/** One event for the log of the process. It never contains the text of a message. */
export interface LogEvent {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}
