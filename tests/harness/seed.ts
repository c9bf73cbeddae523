/**
 * Random numbers that can be had again: the seed is printed, and KFS_SEED replays it.
 *
 * @module
 */

/** The environment variable that fixes the seed. */
export const SEED_VARIABLE = "KFS_SEED";

/** A small fast generator (xorshift, 32 bits of state spread by a multiply) with the draws tests need. */
export class Random {
  #state: number;

  constructor(readonly seed: number) {
    this.#state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) | 1;
  }

  /** The next 32 random bits, unsigned. */
  next(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return Math.imul(state, 0x2c1b3c6d) >>> 0;
  }

  /** An integer from 0 to `bound` - 1. */
  below(bound: number): number {
    return Math.floor((this.next() / 0x1_0000_0000) * bound);
  }

  /** An integer from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True `percent` times in a hundred. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  /** One of `choices`, which must not be empty. */
  pick<Choice>(choices: readonly Choice[]): Choice {
    const choice = choices[this.below(choices.length)];
    if (choice === undefined) throw new Error("nothing to pick from");
    return choice;
  }

  /** Fills `bytes` with noise. */
  fill(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    for (let index = 0; index < bytes.length; index++) bytes[index] = this.next() >>> 11;
    return bytes;
  }
}

/** The seed of this run: KFS_SEED when it is set, else from the clock; printed with how to replay. */
export function printedSeed(test: string): number {
  const given = Deno.env.get(SEED_VARIABLE);
  const seed = given === undefined
    ? (Date.now() ^ (Deno.pid << 8)) >>> 0
    : Number.parseInt(given, 10) >>> 0;
  console.log(`${test}: seed ${seed} (${SEED_VARIABLE}=${seed} replays it)`);
  return seed;
}

/** A number from the environment, or `usual`. */
export function numberFromEnv(variable: string, usual: number): number {
  const text = Deno.env.get(variable);
  if (text === undefined) return usual;
  const value = Number(text);
  if (!Number.isFinite(value)) throw new Error(`${variable}=${text} is not a number`);
  return value;
}
