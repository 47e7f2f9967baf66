import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  JSON_CONTAINERS_MAX,
  JSON_COUNTED_BYTES,
  JSON_MEMBERS_MAX,
} from '../../../src/lib/http/limits.ts';
import { isAffordableJson } from '../../../src/lib/wire/json-size.ts';

const isAffordable = (text: string) => isAffordableJson(Buffer.from(text));
/** Pads a text so that it is large enough to be counted. */
const large = (text: string) => text + ' '.repeat(JSON_COUNTED_BYTES);

describe('isAffordableJson', () => {
  it('takes whatever is small', () => {
    assert(isAffordable('['.repeat(JSON_COUNTED_BYTES)));
  });

  it('counts lists and objects, and commas', () => {
    assert(isAffordable(large('['.repeat(JSON_CONTAINERS_MAX))));
    assert(!isAffordable(large('['.repeat(JSON_CONTAINERS_MAX + 1))));
    assert(!isAffordable(large('{"a":'.repeat(JSON_CONTAINERS_MAX + 1))));
    assert(isAffordable(large(','.repeat(JSON_MEMBERS_MAX))));
    assert(!isAffordable(large('"",'.repeat(JSON_MEMBERS_MAX + 1))));
  });

  it('counts nothing within strings, whatever is escaped in them', () => {
    const inside = '[{,'.repeat(JSON_MEMBERS_MAX);
    assert(isAffordable(`"${inside}"`));
    assert(isAffordable(`"\\"${inside}"`));
    assert(isAffordable(`"\\\\\\"${inside}"`));
    assert(!isAffordable(`"\\\\"${inside}"`));
    assert(!isAffordable(`""${inside}""`));
    assert(isAffordable(`"${inside}`), 'a string without an end');
  });
});
