/** The samples of the charts: one a second, for the last three minutes. */

const SAMPLES_MAX = 180;
const SAMPLE_MS = 1000;

/** @type {Sample[]} */
const samples = [];
/** The last counts of the histogram, by upper bound in s. @type {Map<number, number> | null} */
let lastBuckets = null;
/** The log's length at the last sample, and its time. @type {{length: number, atMs: number} | null} */
let lastLength = null;
/** @type {(() => void)[]} */
const sampleListeners = [];

/**
 * How long appends of this page took since the last sample, in ms. Only those that ended after their first request:
 * the master's histogram lacks them.
 * @type {number[]}
 */
const ownTimesMs = [];

/** @param {Map<number, number>} buckets @param {number[]} timesMs */
function withTimes(buckets, timesMs) {
  const counts = [...buckets].map(([bound, count]) => {
    const more = timesMs.filter((ms) => ms <= bound * 1000).length;
    return /** @type {[number, number]} */ ([bound, count + more]);
  });
  return new Map(counts);
}

/** Reads how long appends of all clients and all `w` took, from the master's metrics. @returns {Promise<Map<number, number>>} */
async function readBuckets() {
  const response = await call('/metrics', { accept: 'text/plain' });
  const text = await response.text();
  /** @type {Map<number, number>} */
  const buckets = new Map();
  const pattern = /^replicated_log_append_duration_seconds_bucket\{.*le="([^"]+)"\} (\S+)$/gm;
  for (const [, bound, count] of text.matchAll(pattern)) {
    const upTo = bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound);
    buckets.set(upTo, (buckets.get(upTo) ?? 0) + Number(count));
  }
  return buckets;
}

/**
 * The time within which `share` of the appends between two readings were answered, in ms; null if there were none.
 * @param {Map<number, number>} before @param {Map<number, number>} after @param {number} share
 */
function quantileMs(before, after, share) {
  const bounds = [...after.keys()].sort((a, b) => a - b);
  /** @param {number} bound */
  const since = (bound) => (after.get(bound) ?? 0) - (before.get(bound) ?? 0);
  const total = since(Number.POSITIVE_INFINITY);
  if (total <= 0) return null;
  let [lower, below] = [0, 0];
  for (const bound of bounds) {
    const count = since(bound);
    if (count >= share * total) {
      if (bound === Number.POSITIVE_INFINITY) return lower * 1000;
      const part = (share * total - below) / (count - below);
      return (lower + (bound - lower) * part) * 1000;
    }
    [lower, below] = [bound, count];
  }
  return null;
}

async function takeSample() {
  const buckets = mayAsk() && hasContact ? await readBuckets().catch(() => null) : null;
  if (health === null || !hasContact) return;
  const now = performance.now();
  /** @type {Sample} */
  const sample = {
    atMs: now,
    appendsPerSecond: null,
    medianMs: null,
    slowMs: null,
    lags: Object.fromEntries(health.secondaries.map(({ id, lag }) => [id, lag])),
  };
  if (lastLength !== null && health.length >= lastLength.length) {
    const seconds = (now - lastLength.atMs) / 1000;
    sample.appendsPerSecond = (health.length - lastLength.length) / seconds;
  }
  lastLength = { length: health.length, atMs: now };
  const timesMs = ownTimesMs.splice(0);
  if (buckets !== null && lastBuckets !== null) {
    const all = withTimes(buckets, timesMs);
    sample.medianMs = quantileMs(lastBuckets, all, 0.5);
    sample.slowMs = quantileMs(lastBuckets, all, 0.99);
  }
  lastBuckets = buckets;
  samples.push(sample);
  while (now - (samples[0]?.atMs ?? now) > SAMPLES_MAX * SAMPLE_MS) samples.shift();
  for (const listener of sampleListeners) listener();
}

/** Takes samples while the page is open. */
async function takeSamples() {
  for (;;) {
    // Not while the page is hidden; browsers slow down its timers then anyway.
    if (!document.hidden) await takeSample();
    await pause(SAMPLE_MS);
  }
}
