/** What the clients of a run share: where the nodes are, what goes on, and the history they write. */
import type { History } from './history.ts';

/** Where the nodes are, and which incarnation of each is the present one. */
export interface Nodes {
  url(node: string): string;
  incarnation(node: string): number;
}

/** What all clients of a run share. */
export class ClientRun {
  readonly history: History;
  readonly nodes: Nodes;
  /** Closed in times of calm: what is under way goes on, nothing new begins. */
  isPaused = false;
  /** Writers end with what they have begun. */
  isClosing = false;
  /** Everybody stops now. */
  isOver = false;
  /** Appends that are not acknowledged yet. */
  underWay = 0;
  /** How often appends were answered with each status, or not at all. */
  readonly answers = new Map<string, number>();
  /** Every text that was sent; pages that are read refer to these instead of keeping copies. */
  readonly texts = new Map<string, string>();

  constructor(history: History, nodes: Nodes) {
    this.history = history;
    this.nodes = nodes;
  }

  now(): number {
    return performance.now();
  }

  countAnswer(kind: string): void {
    this.answers.set(kind, (this.answers.get(kind) ?? 0) + 1);
  }
}
