/** Times from histograms of powers of two. @module */

const BARS = " ▁▂▃▄▅▆▇█";

/**
 * The time that a share of the requests did not exceed, in microseconds: the upper end of the bucket in which it lies.
 * @param histogram element `n` counts times of 2^(n-1) up to 2^n microseconds.
 */
export function quantile(histogram: readonly number[], share: number): number {
  const total = histogram.reduce((sum, count) => sum + count, 0);
  let seen = 0;
  for (const [bucket, count] of histogram.entries()) {
    seen += count;
    if (count > 0 && seen >= total * share) return 2 ** bucket;
  }
  return 0;
}

/** A time for people: `12 µs`, `3.4 ms`, `2.0 s`. */
export function formatMicroseconds(microseconds: number): string {
  if (microseconds < 1000) return `${round(microseconds)} µs`;
  if (microseconds < 1e6) return `${round(microseconds / 1000)} ms`;
  return `${round(microseconds / 1e6)} s`;
}

function round(value: number): string {
  return value >= 10 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1);
}

/** A character for each bucket, as high as its share of the fullest. Any count shows. */
export function bars(histogram: readonly number[], width: number): string {
  const most = Math.max(1, ...histogram);
  let text = "";
  for (let bucket = 0; bucket < width; bucket++) {
    const count = histogram[bucket] ?? 0;
    text += BARS.charAt(count === 0 ? 0 : 1 + Math.round((count / most) * (BARS.length - 2)));
  }
  return text;
}
