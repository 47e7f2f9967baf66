import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { lastingPort } from './port.ts';

describe('ports of nodes', () => {
  it('are never the same twice, though nobody listens on them yet', async () => {
    const ports = new Set<number>();
    // So many that two of them would be the same by chance in 999 of 1000 runs.
    for (let i = 0; i < 400; i += 1) ports.add(await lastingPort());
    assert.equal(ports.size, 400);
  });
});
