/**
 * A progress bar on a terminal, for steps that take a while.
 *
 * @module
 */

const FIRST_AFTER_MS = 500;
const AGAIN_AFTER_MS = 100;
const BAR_COLUMNS = 30;

/** Draws on standard error; does nothing when that is not a terminal. */
export class ProgressBar {
  readonly #enabled: boolean;
  readonly #started = Date.now();
  #drawn = 0;
  #lastMs = 0;

  /** @param wanted false never draws. */
  constructor(wanted: boolean) {
    this.#enabled = wanted && Deno.stderr.isTerminal();
  }

  /** Reports how far a step is. Cheap enough to call often. */
  readonly update = (step: string, done: number, total: number): void => {
    if (!this.#enabled) return;
    const now = Date.now();
    if (now - this.#started < FIRST_AFTER_MS || now - this.#lastMs < AGAIN_AFTER_MS) return;
    this.#lastMs = now;
    const share = total > 0 ? Math.min(1, done / total) : 0;
    const full = Math.round(share * BAR_COLUMNS);
    const bar = "#".repeat(full) + "-".repeat(BAR_COLUMNS - full);
    this.#draw(`${step} [${bar}] ${String(Math.floor(share * 100)).padStart(3)}%`);
  };

  /** Removes the bar. */
  clear(): void {
    if (this.#drawn > 0) this.#draw("");
    this.#drawn = 0;
  }

  #draw(text: string): void {
    const padded = text.padEnd(this.#drawn);
    Deno.stderr.writeSync(new TextEncoder().encode(`\r${padded}${text === "" ? "\r" : ""}`));
    this.#drawn = text.length;
  }
}
