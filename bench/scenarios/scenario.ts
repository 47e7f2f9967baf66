/** The parts of a scenario: a name, what it shows, and a run that returns tables and series. */
import type { LoadGenerator } from '../measure/load.ts';
import type { Spread } from '../measure/statistics.ts';
import type { Peer } from '../peers/peers.ts';
import type { Table } from '../report/table.ts';

export interface Context {
  readonly load: LoadGenerator;
  /** The peers that are loaded as well; all are installed. */
  readonly peers: ReadonlySet<Peer>;
}

/** Figures for a panel of the chart. */
export interface Series {
  readonly panel: 'throughput' | 'batches' | 'connections';
  readonly name: string;
  readonly points: readonly { readonly label: string; readonly value: Spread }[];
}

export interface Outcome {
  readonly tables: readonly Table[];
  readonly series?: readonly Series[];
}

export interface Scenario {
  readonly name: string;
  /** In one sentence. */
  readonly shows: string;
  /** Processes that it starts are ended after it. */
  run(context: Context): Promise<Outcome>;
}
