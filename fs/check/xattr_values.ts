/**
 * Values of attributes in inodes of their own, against the hash that the inode keeps: the kernel gives out no value
 * that does not match it.
 *
 * @module
 */

import { crc32c } from "../layout/crc32c.ts";
import type { CheckContext } from "./context.ts";
import { diskBlocksOf } from "./map_file.ts";
import type { RawInode } from "./raw_inode.ts";

/** The longest value that the kernel takes. */
const MAX_VALUE_BYTES = 1 << 16;

/** Checks each value once, however many entries share it. */
export class XattrValues {
  readonly #check: CheckContext;
  readonly #seen = new Set<number>();

  constructor(check: CheckContext) {
    this.#check = check;
  }

  /** @param bytes length of the value, as its entry states it. */
  check(raw: RawInode, bytes: number, hash: number): void {
    const { reader, geometry, superblock, findings } = this.#check;
    const { ino } = raw;
    // What is too long or too short is told of elsewhere.
    if (this.#seen.has(ino) || bytes > MAX_VALUE_BYTES || raw.size !== bytes) return;
    this.#seen.add(ino);
    const { blockBytes } = geometry;
    const buffer = reader.buffer();
    const blocks = diskBlocksOf(reader, raw, Math.ceil(bytes / blockBytes));
    let crc = superblock.checksumSeed;
    for (const [index, block] of blocks.entries()) {
      if (block === 0 || !this.#check.inRange(block) || !reader.read(block, buffer)) return;
      crc = crc32c(crc, buffer, 0, Math.min(blockBytes, bytes - index * blockBytes));
    }
    if (crc >>> 0 !== hash >>> 0) findings.add("xattr_value_hash", { inode: ino });
  }
}
