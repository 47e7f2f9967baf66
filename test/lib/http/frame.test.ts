import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeyIndex } from '../../../src/lib/core/idempotency.ts';
import { Log } from '../../../src/lib/core/log.ts';
import { packMessages } from '../../../src/lib/core/messages.ts';
import { encodeFrame } from '../../../src/lib/http/frame.ts';
import { parseFrame, parseJson } from '../../../src/lib/http/schema.ts';
import { Dice, seeds, textOf } from '../support.ts';

const ORIGIN = { logId: 'L', epoch: 1 };

describe('encodeFrame', () => {
  it('writes the line of the contract, keys only where there are any', () => {
    const [log, keys] = [new Log(), new KeyIndex()];
    log.append(packMessages(['a', 'b"', 'c']), 1);
    keys.record('client-key', 3);
    assert.equal(
      textOf(encodeFrame(ORIGIN, log, keys, 1, 2)),
      '{"logId":"L","epoch":1,"from":1,"messages":["a","b\\""]}\n',
    );
    assert.equal(
      textOf(encodeFrame(ORIGIN, log, keys, 2, 3)),
      '{"logId":"L","epoch":1,"from":2,"messages":["b\\"","c"],"keys":{"3":"client-key"}}\n',
    );
  });

  it('is read back as it was meant, for 200 random logs', () => {
    for (const seed of seeds(200)) {
      const dice = new Dice(seed);
      const [log, keys] = [new Log(), new KeyIndex()];
      const messages = dice.list(dice.integer(1, 20), () => dice.text(8));
      log.append(packMessages(messages), 1);
      for (const index of messages.keys()) {
        if (dice.chance(0.3)) keys.record(`key "${index}"`, index + 1);
      }
      const from = dice.integer(1, messages.length);
      const to = dice.integer(from, messages.length);
      const line = encodeFrame(ORIGIN, log, keys, from, to);
      assert.equal(line.indexOf(0x0a), line.length - 1, 'one line');
      assert.deepEqual(parseFrame(parseJson(line)), {
        ...ORIGIN,
        from,
        messages: packMessages(messages.slice(from - 1, to)),
        keys: keys.within(from, to),
      });
    }
  });
});
