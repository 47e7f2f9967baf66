/**
 * Every diagram of the documentation can be drawn, as far as that shows without a renderer. GitHub shows an error in
 * the place of a diagram with a mistake, and nobody looks at each of them after a change.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

const ROOT = new URL('../../', import.meta.url);
const DIAGRAM = /^```mermaid\n([\s\S]*?)^```$/gm;
/** What a line of a diagram may be, by the kind of the diagram. */
const LINES: Record<string, RegExp> = {
  sequenceDiagram:
    /^(?:participant \w+ as .+|\w+(?:->>|-->>)\w+: .+|Note over \w+(?:,\w+)?: .+|par .+|and(?: .+)?|end)$/,
  'stateDiagram-v2': /^(?:(?:\[\*\]|\w+) --> (?:\[\*\]|\w+)(?: : [^:]+)?|state \w+ \{|\})$/,
};

const pages = [
  'README.md',
  ...readdirSync(new URL('docs/', ROOT), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const diagrams = pages.flatMap((page) =>
  [...readFileSync(new URL(page, ROOT), 'utf8').matchAll(DIAGRAM)].map(([, text = '']) => {
    const [kind = '', ...lines] = text.trimEnd().split('\n');
    return { page, kind, lines: lines.map((line) => line.trim()) };
  }),
);

describe('the diagrams', () => {
  it('are found', () => assert(diagrams.length >= 5, `${diagrams.length} diagrams`));

  for (const { page, kind, lines } of diagrams) {
    it(`are drawn by what Mermaid knows: ${page}, ${kind}`, () => {
      const form = LINES[kind];
      assert(form !== undefined, `a diagram of a kind that is not checked: ${kind}`);
      for (const line of lines) {
        assert.match(line, form);
        assert(!/[;#]/.test(line), `a semicolon ends a statement, and # begins a code: ${line}`);
      }
      const opened = lines.filter((line) => /^par |\{$/.test(line)).length;
      const closed = lines.filter((line) => /^(?:end|\})$/.test(line)).length;
      assert.equal(opened, closed, 'every block has its end');
    });
  }
});
