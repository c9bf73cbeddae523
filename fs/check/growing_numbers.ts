/**
 * A list of numbers that grows, without an object for each.
 *
 * @module
 */

/** Numbers up to 2^53 - 1, appended one by one. */
export class GrowingNumbers {
  #values = new Float64Array(64);
  length = 0;

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new Float64Array(this.length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length++] = value;
  }

  at(index: number): number {
    return this.#values[index] as number;
  }

  setAt(index: number, value: number): void {
    this.#values[index] = value;
  }

  clear(): void {
    this.length = 0;
  }
}
