/** Times, sizes and UUIDs as dumpe2fs writes them; times are in UTC. @module */

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const UNITS: readonly (readonly [number, string])[] = [
  [30 * 24 * 60 * 60, "month"],
  [7 * 24 * 60 * 60, "week"],
  [24 * 60 * 60, "day"],
  [60 * 60, "hour"],
  [60, "minute"],
  [1, "second"],
];

/** A time as `Mon Nov 23 02:36:42 2026`. */
export function ctime(seconds: number): string {
  const date = new Date(seconds * 1000);
  const clock = date.toISOString().slice(11, 19);
  const day = String(date.getUTCDate()).padStart(2);
  return `${DAYS[date.getUTCDay()]} ${
    MONTHS[date.getUTCMonth()]
  } ${day} ${clock} ${date.getUTCFullYear()}`;
}

/** A duration as `1 week, 3 days`. */
export function interval(seconds: number): string {
  const words: string[] = [];
  let left = seconds;
  for (const [unit, name] of UNITS) {
    const count = Math.floor(left / unit);
    left -= count * unit;
    if (count > 0) words.push(`${count} ${name}${count === 1 ? "" : "s"}`);
  }
  return words.length === 0 ? "<none>" : words.join(", ");
}

/** A number of KiB, rounded: `40 kB`, `20 MB`. */
export function kilobytes(count: number): string {
  if (count < 2 ** 13) return `${count} kB`;
  if (count < 2 ** 23) return `${Math.floor((count + 2 ** 9) / 2 ** 10)} MB`;
  if (count < 2 ** 33) return `${Math.floor((count + 2 ** 19) / 2 ** 20)} GB`;
  return `${Math.floor((count + 2 ** 29) / 2 ** 30)} TB`;
}

/** 16 bytes in the usual form; `<none>` for zeros. */
export function uuidText(bytes: Uint8Array): string {
  if (bytes.every((byte) => byte === 0)) return "<none>";
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
