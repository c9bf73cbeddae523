/**
 * Names and paths for system calls: copied behind a NUL into memory that is used again and again.
 *
 * @module
 */

/** Room for one name or link target. */
export class NameBuffer {
  readonly #bytes: Uint8Array<ArrayBuffer>;

  /** @param capacity the longest name in bytes, without its NUL. */
  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity + 1);
  }

  /** The name with its NUL, valid until the next call. Longer ones are the caller's to refuse. */
  of(name: Uint8Array): Uint8Array<ArrayBuffer> {
    this.#bytes.set(name);
    this.#bytes[name.length] = 0;
    return this.#bytes;
  }
}
