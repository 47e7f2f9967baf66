/** docs/recovery.md shows an answer of a real node; it is one that nodes still give. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { step } from '../openapi/document.ts';
import { checkValue } from '../openapi/responses.ts';

const PAGE = new URL('../../docs/recovery.md', import.meta.url);

describe('docs/recovery.md', () => {
  it('has an answer of GET /health as it is described', () => {
    const [, text = ''] = /^```json\n([\s\S]*?)^```$/m.exec(readFileSync(PAGE, 'utf8')) ?? [];
    const answer = JSON.parse(text);
    const response = `${step('/health')}/get/responses/200/content/${step('application/json')}`;
    checkValue(`#/paths/${response}/schema`, answer, 'the answer');
    assert.equal(answer.status, 'recovering');
  });
});
