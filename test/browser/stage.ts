/** A cluster for pictures of the page: a master and two secondaries with messages. */
import type { Page } from 'playwright-core';
import { type Answer, append, put } from '../support/client.ts';
import {
  type Environment,
  FAST,
  type NodeProcess,
  startRecovered,
  startSecondary,
} from '../support/cluster.ts';

const IDS = ['s1', 's2'];

export class Stage {
  readonly master: NodeProcess;
  readonly secondaries: NodeProcess[];

  private constructor(master: NodeProcess, secondaries: NodeProcess[]) {
    this.master = master;
    this.secondaries = secondaries;
  }

  static async set(environment: Environment = FAST): Promise<Stage> {
    const secondaries = await Promise.all(IDS.map((id) => secondary(id)));
    const ports = secondaries.map(({ port }) => port);
    return new Stage(
      await startRecovered(ports, { ...environment, FAULT_INJECTION: true }),
      secondaries,
    );
  }

  async strike(): Promise<void> {
    await Promise.all([this.master, ...this.secondaries].map((node) => node.stop('SIGKILL')));
  }

  async killSecondaries(): Promise<void> {
    await Promise.all(this.secondaries.map((node) => node.stop('SIGKILL')));
  }

  /** Starts all secondaries again, at their ports. They have lost their memory. */
  async startSecondaries(): Promise<void> {
    const ports = this.secondaries.map(({ port }) => port);
    const started = await Promise.all(IDS.map((id, i) => secondary(id, ports[i])));
    this.secondaries.splice(0, IDS.length, ...started);
  }

  /** Appends at a changing pace for some time, so that the charts have lines. */
  async work(durationMs: number): Promise<void> {
    const start = performance.now();
    for (let i = 1; performance.now() - start < durationMs; i += 1) {
      const atMs = performance.now() - start;
      const pauseMs = 40 + 35 * Math.sin(atMs / 2500);
      await append(this.master, { message: `order ${i}`, w: (i % 2) + 1 });
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  setFaults(id: string, faults: object): Promise<Answer> {
    return put(`${this.master.url}/secondaries/${id}/faults`, faults);
  }
}

function secondary(id: string, port = 0): Promise<NodeProcess> {
  return startSecondary({ NODE_ID: id, PORT: port, FAULT_INJECTION: true });
}

/** Appends a message by the form of the page. */
export async function compose(page: Page, text: string, w: string): Promise<void> {
  await page.fill('#text', text);
  await page.selectOption('#w', w);
  await page.click('#append');
  await page.locator('.append', { hasText: text }).waitFor();
}
