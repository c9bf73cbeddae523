/**
 * Ids of guests' users and groups, and those of the host (`--translate-uid`, `--translate-gid`). What no
 * rule names stays as it is.
 *
 * @module
 */

/** A guest's id that may not reach the host. */
export const FORBIDDEN = -1;

/** Ids from `from` on, `count` of them, become those from `to` on, or all `to`. */
interface Rule {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly squash: boolean;
}

/** Names of rules, and how many numbers each has. */
const KINDS: Readonly<Record<string, number>> = {
  "guest": 3,
  "host": 3,
  "map": 3,
  "squash-guest": 3,
  "squash-host": 3,
  "forbid-guest": 2,
};
const LARGEST_ID = 0xffff_fffe;

/** See the module. */
export class IdMap {
  readonly #toHost: Rule[] = [];
  readonly #toGuest: Rule[] = [];

  /**
   * @param rules `guest:GUEST:HOST:COUNT`, `host:HOST:GUEST:COUNT`, `map:GUEST:HOST:COUNT` (both ways),
   *   `squash-guest:GUEST:HOST:COUNT`, `squash-host:HOST:GUEST:COUNT`, `forbid-guest:GUEST:COUNT`.
   * @throws RangeError for one that cannot be understood, or overlaps another.
   */
  constructor(rules: readonly string[]) {
    for (const rule of rules) this.#add(rule);
  }

  #add(text: string): void {
    const [kind = "", ...words] = text.split(":");
    const numbers = words.map((word) => /^\d+$/.test(word) ? Number(word) : NaN);
    const wanted = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
    if (wanted !== numbers.length || numbers.some((number) => !(number <= LARGEST_ID))) {
      throw new RangeError(`${text}: not a rule for ids`);
    }
    const [from = 0, to = 0, count = 0] = numbers;
    const squash = kind.startsWith("squash");
    if (kind === "forbid-guest") {
      put(this.#toHost, { from, to: FORBIDDEN, count: to, squash: true }, text);
    } else if (kind === "host" || kind === "squash-host") {
      put(this.#toGuest, { from, to, count, squash }, text);
    } else {
      put(this.#toHost, { from, to, count, squash }, text);
      if (kind === "map") put(this.#toGuest, { from: to, to: from, count, squash }, text);
    }
  }

  /** The host's id for a guest's; FORBIDDEN where it may not be used. */
  toHost(id: number): number {
    return translate(this.#toHost, id);
  }

  /** What a guest is shown for the host's id. */
  toGuest(id: number): number {
    return translate(this.#toGuest, id);
  }
}

function put(rules: Rule[], rule: Rule, text: string): void {
  const end = rule.from + rule.count;
  if (rule.count === 0 || rules.some(({ from, count }) => from < end && rule.from < from + count)) {
    throw new RangeError(`${text}: is empty or overlaps another rule`);
  }
  rules.push(rule);
}

function translate(rules: readonly Rule[], id: number): number {
  for (const { from, to, count, squash } of rules) {
    if (id >= from && id - from < count) return squash ? to : to + (id - from);
  }
  return id;
}
