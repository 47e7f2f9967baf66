/** What the core says no with, and what it wants logged. `http/problems.ts` puts a refusal in HTTP. */

/** Why something was refused. Nothing was changed by what was refused. */
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

/** One line for the log. Never carries a message's text. */
export interface LogEvent {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}
