import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SortedList } from '../../../../src/lib/core/concerns/sorted-list.ts';
import { Dice, seeds } from '../../support.ts';

interface Item {
  readonly order: number;
  readonly name: string;
}

const item = (order: number, name: string): Item => ({ order, name });
const newList = (arrivalOf?: (item: Item) => number) =>
  new SortedList<Item>(({ order }) => order, arrivalOf);

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
    const [first, model] = [item(1, 'same'), item(1, 'same')];
    list.insert(first);
    list.insert(model);
    list.remove(first);
    assert.equal(list.size, 1);
    assert.equal(list.first, model);
  });

  for (const [what, arrivalOf] of [
    ['exactly', (name: string) => Number(name)],
    ['in parts', (name: string) => Math.floor(Number(name) / 7)],
    ['wrongly', (name: string) => -Number(name)],
  ] as const) {
    it(`removes this very item where arrivals tell equal ones apart ${what}`, () => {
      const dice = new Dice(7);
      const list = newList(({ name }) => arrivalOf(name));
      const items = dice.list(200, () => dice.integer(1, 3)).map((order, i) => item(order, `${i}`));
      for (const one of items) list.insert(one);
      while (items.length > 0) {
        const [one] = items.splice(dice.integer(0, items.length - 1), 1) as [Item];
        list.remove(one);
        list.remove(one);
        const left = items.toSorted((a, b) => a.order - b.order);
        assert.deepEqual([...list], left);
      }
    });
  }

  it('removes nothing when the item is not there', () => {
    const list = newList();
    list.insert(item(5, 'a'));
    for (const order of [1, 5, 9]) list.remove(item(order, 'stranger'));
    assert.equal(list.size, 1);
  });

  for (const [from, pick] of [
    ['the front', () => 0],
    ['the end', (size: number) => size - 1],
    ['anywhere', (size: number, dice: Dice) => dice.integer(0, size - 1)],
  ] as const) {
    it(`lets all but two of a long list leave one by one, from ${from}`, () => {
      const dice = new Dice(3);
      const list = newList(({ name }) => Number(name));
      const model = dice
        .list(1000, () => dice.integer(1, 3))
        .map((order, i) => item(order, `${i}`));
      for (const one of model) list.insert(one);
      model.sort((a, b) => a.order - b.order);
      while (model.length > 2) {
        list.remove(model.splice(pick(model.length, dice), 1)[0] as Item);
        assert.equal(list.size, model.length);
        if (model.length % 7 === 0)
          assert.deepEqual([list.first, list.last], [model[0], model.at(-1)]);
      }
      assert.deepEqual(list.takeUpTo(3), model);
    });
  }

  it('takes an item again that has just left a long list', () => {
    const list = newList();
    const items = Array.from({ length: 1000 }, (_, i) => item(1, `${i}`));
    for (const one of items) list.insert(one);
    const [again] = items.splice(500, 1) as [Item];
    list.remove(again);
    list.insert(again);
    assert.deepEqual([list.size, list.last], [1000, again]);
    assert.deepEqual(list.takeUpTo(1), [...items, again]);
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

  for (const [length, histories] of [
    [60, 300],
    [3000, 4],
  ] as const) {
    it(`does what a sorted array does, in ${histories} random histories of ${length} steps`, () => {
      for (const seed of seeds(histories)) history(new Dice(seed), length);
    });
  }
});

/** Takes random steps with a list and with an array that is sorted each time; long lists are rarely emptied. */
function history(dice: Dice, steps: number): void {
  const list = newList(dice.chance(0.5) ? ({ name }) => Number(name) : undefined);
  let model: Item[] = [];
  let left: Item[] = [];
  for (let step = 0; step < steps; step += 1) {
    const act = dice.pick(['insert', 'insert', 'remove', 'take'] as const);
    const order = dice.integer(0, 9);
    if (act === 'insert' || model.length < steps / 6) {
      // Now and then somebody comes again who has left.
      const one = left.length > 0 && dice.chance(0.1) ? dice.pick(left) : item(order, `${step}`);
      left = left.filter((other) => other !== one);
      list.insert(one);
      model = [...model, one].sort((a, b) => a.order - b.order);
    } else if (act === 'remove') {
      const one = dice.pick([model[0], model.at(-1), dice.pick(model), dice.pick(model)]) as Item;
      const gone = dice.chance(0.8) ? one : (left[0] ?? item(order, '?'));
      list.remove(gone);
      if (model.includes(gone)) left = [...left.slice(-20), gone];
      model = model.filter((other) => other !== gone);
    } else if (dice.chance(10 / steps)) {
      assert.deepEqual(
        list.takeUpTo(order),
        model.filter((one) => one.order <= order),
      );
      model = model.filter((one) => one.order > order);
    } else if (dice.chance(0.02)) assert.deepEqual([...list], model);
    assert.equal(list.size, model.length);
    if (dice.chance(0.5)) assert.equal(list.first, model[0]);
    if (dice.chance(0.5)) assert.equal(list.last, model.at(-1));
  }
  assert.deepEqual(list.takeUpTo(9), model);
}
