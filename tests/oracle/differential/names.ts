/**
 * The names that random operations use: few enough that operations meet.
 *
 * @module
 */

import { Random } from "../../harness/seed.ts";

const FOLDERS = ["a", "b", "c", "d"];
const LONG = "l".repeat(255);
const LEAVES = [
  ...FOLDERS,
  ...Array.from({ length: 14 }, (_, index) => `file${index}`),
  "\xff\x80odd",
  LONG,
  "with space",
];
const TOO_LONG = "x".repeat(256);

/** Random draws that remember which paths exist, so that most operations find something to act on. */
export class PathRandom extends Random {
  readonly #existing: string[] = [];

  /** Notes that `path` does, or does not, exist now. */
  note(path: string, exists: boolean): void {
    const at = this.#existing.indexOf(path);
    if (exists && at < 0) this.#existing.push(path);
    if (!exists && at >= 0) this.#existing.splice(at, 1);
  }

  /** A path that existed when it was last seen, or undefined. */
  existing(): string | undefined {
    return this.#existing.length === 0 ? undefined : this.pick(this.#existing);
  }
}

/** A path of one to three components, most times one that exists. */
export function drawPath(random: PathRandom): string {
  const existing = random.chance(60) ? random.existing() : undefined;
  if (existing !== undefined && existing !== ".") return existing;
  return drawAnyPath(random);
}

/** A path of one to three components, whatever is there. */
export function drawAnyPath(random: Random): string {
  const parts: string[] = [];
  for (let depth = random.below(3); depth > 0; depth--) parts.push(random.pick(FOLDERS));
  parts.push(random.chance(1) ? TOO_LONG : random.pick(LEAVES));
  return parts.join("/");
}

/** A path that is likely to be a folder; sometimes the root. */
export function drawFolder(random: Random): string {
  if (random.chance(15)) return ".";
  const parts = [random.pick(FOLDERS)];
  while (parts.length < 3 && random.chance(40)) parts.push(random.pick(FOLDERS));
  return parts.join("/");
}

/** The folder that holds `path`. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "." : path.slice(0, slash);
}

/** An offset or a size: around block borders, mostly small, seldom far out. */
export function drawOffset(random: Random): number {
  const far = random.below(100);
  if (far < 2) return random.pick([2 ** 31 - 1, 2 ** 32, 2 ** 32 * 4096, 2 ** 44 - 4096, 2 ** 44]);
  const reach = far < 12 ? 6_000_000 : far < 50 ? 200_000 : 20_000;
  const offset = random.below(reach);
  if (random.chance(50)) return offset;
  return Math.max(0, Math.round(offset / 4096) * 4096 + random.pick([0, 0, 0, -1, 1]));
}

/** A length of at least one byte. */
export function drawLength(random: Random): number {
  return random.chance(10) ? random.between(1, 300_000) : random.between(1, 20_000);
}

/** What `read` and `write` move: its bytes follow from a small number. */
export function noise(seed: number, lengthBytes: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(lengthBytes);
  for (let index = 0; index < lengthBytes; index++) bytes[index] = (seed + index * 31) % 251 + 1;
  return bytes;
}
