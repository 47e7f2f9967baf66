/** Numbers, times and names as text. */

const grouped = new Intl.NumberFormat('en-GB');

/** `12,345` @param {number} value */
function number(value) {
  return grouped.format(value);
}

/** `1 message`, `2 messages` @param {number} count @param {string} noun */
function counted(count, noun) {
  return `${number(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** A time of any size: `0.4 ms`, `12 ms`, `1.5 s`, `3 min` @param {number} ms */
function duration(ms) {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.round(ms / 60_000)} min`;
}

/** How long ago, as an upper bound. @param {number} ms */
function within(ms) {
  return ms <= 3000 ? 'just now' : `less than ${Math.ceil(ms / 1000)} s ago`;
}

/** How long ago. @param {number} ms */
function ago(ms) {
  return ms < 120_000 ? `${Math.floor(ms / 1000)} s ago` : `${Math.round(ms / 60_000)} min ago`;
}

/** `s1`, `s1 and s2`, `s1, s2 and s3` @param {readonly string[]} names */
function listed(names) {
  if (names.length <= 1) return names[0] ?? 'nobody';
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** @param {string} text @param {number} lengthMax */
function shortened(text, lengthMax) {
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax)}…`;
}
