/** Text from outside, made safe for a terminal: on one line, and without control characters. */

/**
 * The value as JSON in which every control character is escaped. `JSON.stringify` escapes those below
 * U+0020 alone; U+007F to U+009F would reach a terminal, where U+009B begins a control sequence.
 */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(/[\x7f-\x9f]/g, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
