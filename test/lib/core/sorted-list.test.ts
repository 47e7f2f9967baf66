import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SortedList } from '../../../src/lib/core/sorted-list.ts';
import { Dice, seeds } from '../support.ts';

interface Item {
  readonly order: number;
  readonly name: string;
}

const item = (order: number, name: string): Item => ({ order, name });
const newList = () => new SortedList<Item>(({ order }) => order);

describe('SortedList', () => {
  it('has no first item while it is empty', () => {
    assert.equal(newList().first, undefined);
    assert.equal(newList().size, 0);
  });

  it('keeps equal items in the order in which they came', () => {
    const list = newList();
    for (const one of [item(2, 'a'), item(1, 'b'), item(2, 'c'), item(1, 'd')]) list.insert(one);
    assert.deepEqual(
      list.takeUpTo(2).map(({ name }) => name),
      ['b', 'd', 'a', 'c'],
    );
  });

  it('removes this very item, not one that is equal to it', () => {
    const list = newList();
    const [first, twin] = [item(1, 'same'), item(1, 'same')];
    list.insert(first);
    list.insert(twin);
    list.remove(first);
    assert.equal(list.size, 1);
    assert.equal(list.first, twin);
  });

  it('removes nothing when the item is not there', () => {
    const list = newList();
    list.insert(item(5, 'a'));
    for (const order of [1, 5, 9]) list.remove(item(order, 'stranger'));
    assert.equal(list.size, 1);
  });

  it('takes out what is at most the limit, the limit itself included', () => {
    const list = newList();
    for (const order of [3, 1, 2]) list.insert(item(order, `${order}`));
    assert.deepEqual(list.takeUpTo(0), []);
    assert.deepEqual(
      list.takeUpTo(2).map(({ order }) => order),
      [1, 2],
    );
    assert.equal(list.first?.order, 3);
  });

  for (const [size, gone] of [
    [10, 5],
    [1000, 3],
    [1000, 999],
    [0, 0],
  ] as const) {
    it(`takes out ${gone} of ${size} at once, and nobody who is not there`, () => {
      const dice = new Dice(size + gone);
      const list = newList();
      const items = dice.list(size, () => item(dice.integer(0, 3), 'same'));
      for (const one of items) list.insert(one);
      const out = new Set<Item>();
      while (out.size < gone) out.add(dice.pick(items));
      list.removeAll([item(2, 'same'), ...out]);
      const left = items.filter((one) => !out.has(one)).sort((a, b) => a.order - b.order);
      assert.deepEqual([...list].length, left.length);
      for (const [index, one] of [...list].entries()) assert.equal(one, left[index]);
    });
  }

  it('does what a sorted array does, in 300 random histories', () => {
    for (const seed of seeds(300)) {
      const dice = new Dice(seed);
      const list = newList();
      let dumb: Item[] = [];
      for (let step = 0; step < 60; step += 1) {
        const act = dice.pick(['insert', 'insert', 'remove', 'take'] as const);
        const order = dice.integer(0, 9);
        if (act === 'insert') {
          const one = item(order, `${step}`);
          list.insert(one);
          dumb = [...dumb, one].sort((a, b) => a.order - b.order);
        } else if (act === 'remove') {
          const one = dumb.length > 0 && dice.chance(0.8) ? dice.pick(dumb) : item(order, '?');
          list.remove(one);
          dumb = dumb.filter((other) => other !== one);
        } else if (dice.chance(0.3)) {
          assert.deepEqual(
            list.takeUpTo(order),
            dumb.filter((one) => one.order <= order),
          );
          dumb = dumb.filter((one) => one.order > order);
        }
        assert.equal(list.size, dumb.length);
        assert.equal(list.first, dumb[0]);
      }
      assert.deepEqual(list.takeUpTo(9), dumb);
    }
  });
});
