/**
 * When to wait by asking again and again, and when to sleep.
 *
 * @module
 */

/**
 * Decides how many times to ask for the next request before sleeping in poll(2). Sleeping costs the
 * next request a wake-up of tens of microseconds; asking costs this thread's core. So it asks only
 * while requests came densely of late, and only where another core can make them.
 */
export class Spin {
  /** How many times asking may fail before sleeping. */
  readonly #limit: number;
  #budget = 0;

  /** @param limit how many times at most; 0 never asks again. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How often to ask now. */
  get budget(): number {
    return this.#budget;
  }

  /** A request came while asking. */
  hit(): void {
    this.#budget = this.#limit;
  }

  /** None came before the budget was used up. */
  missed(): void {
    this.#budget >>= 1;
  }

  /** A request came after sleeping; `sleptMs` is how long that was. */
  woken(sleptMs: number): void {
    if (sleptMs < 0.1) this.#budget = this.#limit;
  }
}

/** The limit where none is chosen: none on one core. */
export function defaultSpinLimit(): number {
  return navigator.hardwareConcurrency > 1 ? 64 : 0;
}
