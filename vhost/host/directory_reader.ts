/**
 * Reading an open directory in pieces. The host's positions have 64 bits and may not fit a number, so
 * the guest gets the place in the order of reading; positions are kept to go back.
 *
 * @module
 */

import { errno, libc } from "../../ffi/libc/library.ts";

const CHUNK_BYTES = 32 * 1024;
/** `struct linux_dirent64`: ino 0, position behind it 8, record's length 16, type 18, name 19. */
const NAME_AT = 19;
const SEEK_SET = 0;
const TWO_TO_32 = 0x1_0000_0000;

/** Called with each name. @returns false when the entry was not taken: it comes again. */
export type TakeName = (
  bytes: Uint8Array,
  start: number,
  end: number,
  ino: number,
  place: number,
  type: number,
) => boolean;

/** See the module. */
export class DirectoryReader {
  readonly #chunk = new Uint8Array(CHUNK_BYTES);
  readonly #view = new DataView(this.#chunk.buffer);
  #filled = 0;
  #at = 0;
  /** How many entries lie before the one at `#at`. */
  #place = 0;
  /** The host's position behind each entry that was passed. */
  #positions = new BigInt64Array(256);

  constructor(readonly descriptor: number) {}

  /**
   * Gives entries from a place on (0: the beginning) until `take` refuses one or the end.
   * @returns 0 or a negated errno.
   */
  read(place: number, take: TakeName): number {
    if (place !== this.#place) this.#goTo(place);
    for (;;) {
      if (this.#at >= this.#filled) {
        const filled = libc().getdents64(this.descriptor, this.#chunk, BigInt(CHUNK_BYTES));
        if (filled < 0) return -errno();
        if (filled === 0) return 0;
        this.#filled = filled;
        this.#at = 0;
      }
      const at = this.#at;
      const recordBytes = this.#view.getUint16(at + 16, true);
      const ino = this.#view.getUint32(at + 4, true) * TWO_TO_32 + this.#view.getUint32(at, true);
      const end = this.#chunk.indexOf(0, at + NAME_AT);
      const type = this.#chunk[at + 18] ?? 0;
      if (!take(this.#chunk, at + NAME_AT, end, ino, this.#place + 1, type)) return 0;
      this.#remember(this.#view.getBigInt64(at + 8, true));
      this.#at = at + recordBytes;
    }
  }

  #remember(position: bigint): void {
    if (this.#place >= this.#positions.length) {
      const grown = new BigInt64Array(this.#positions.length * 2);
      grown.set(this.#positions);
      this.#positions = grown;
    }
    this.#positions[this.#place] = position;
    this.#place++;
  }

  /** A place that was never reached is taken for the last that was. */
  #goTo(place: number): void {
    const to = Math.min(place, this.#place);
    const position = to === 0 ? 0n : this.#positions[to - 1] ?? 0n;
    libc().lseek(this.descriptor, position, SEEK_SET);
    this.#place = to;
    this.#filled = 0;
    this.#at = 0;
  }
}
