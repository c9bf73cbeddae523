/**
 * Records of fast commits, in the blocks behind the journal's log: what changed since the last full transaction, told as
 * operations. Little-endian; a record is a tag (16 bits), the length of its value (16 bits) and the value.
 *
 * Values: ADD_RANGE 1: inode number (32), extent (12 bytes, as in an extent tree); DEL_RANGE 2: inode number, first file
 * block, count (32 each); CREAT 3, LINK 4, UNLINK 5: parent's inode number, inode number (32 each), name; INODE 6: inode
 * number (32), the inode's bytes; PAD 7: anything; TAIL 8: transaction number, checksum (32 each), anything; HEAD 9:
 * features, transaction number (32 each).
 *
 * The checksum in a TAIL is the crc32c from 0 of all records since the last TAIL, itself up to the checksum. Kernel
 * documentation: Documentation/filesystems/ext4/journal.rst, "Fast commits".
 *
 * @module
 */

import { extentBlocks, extentDiskBlock, extentIsUnwritten } from "./extent.ts";
import { GOOD_OLD_INODE_BYTES } from "./superblock.ts";

export const FastCommitTag = {
  ADD_RANGE: 1,
  DEL_RANGE: 2,
  CREAT: 3,
  LINK: 4,
  UNLINK: 5,
  INODE: 6,
  PAD: 7,
  TAIL: 8,
  HEAD: 9,
} as const;

export const RECORD_HEADER_BYTES = 4;
const NAME_OFFSET = 8;
const MAX_NAME_BYTES = 255;

/** One operation of a fast commit. */
export type FastOperation =
  | {
    readonly kind: "map";
    readonly ino: number;
    readonly fileBlock: number;
    readonly blocks: number;
    readonly diskBlock: number;
    readonly unwritten: boolean;
  }
  | {
    readonly kind: "unmap";
    readonly ino: number;
    readonly fileBlock: number;
    readonly blocks: number;
  }
  | {
    readonly kind: "create" | "link" | "unlink";
    readonly parent: number;
    readonly ino: number;
    readonly name: Uint8Array;
  }
  | { readonly kind: "inode"; readonly ino: number; readonly bytes: Uint8Array };

/** Whether a value of this length can follow the tag. */
export function isRecordLength(tag: number, length: number, inodeBytes: number): boolean {
  switch (tag) {
    case FastCommitTag.ADD_RANGE:
      return length === 16;
    case FastCommitTag.DEL_RANGE:
      return length === 12;
    case FastCommitTag.CREAT:
    case FastCommitTag.LINK:
    case FastCommitTag.UNLINK:
      return length > NAME_OFFSET && length <= NAME_OFFSET + MAX_NAME_BYTES;
    case FastCommitTag.INODE:
      return length >= 4 + GOOD_OLD_INODE_BYTES && length <= 4 + inodeBytes;
    case FastCommitTag.PAD:
      return true;
    case FastCommitTag.TAIL:
      return length >= 8;
    case FastCommitTag.HEAD:
      return length === 8;
    default:
      return false;
  }
}

/** The operation of a record whose value is `bytes`, of a fitting length (it is copied); undefined for a record that is none. */
export function decodeOperation(tag: number, bytes: Uint8Array): FastOperation | undefined {
  const value = bytes.slice();
  const view = new DataView(value.buffer);
  const word = (offset: number): number => view.getUint32(offset, true);
  switch (tag) {
    case FastCommitTag.ADD_RANGE:
      return {
        kind: "map",
        ino: word(0),
        fileBlock: word(4),
        blocks: extentBlocks(view, 4),
        diskBlock: extentDiskBlock(view, 4),
        unwritten: extentIsUnwritten(view, 4),
      };
    case FastCommitTag.DEL_RANGE:
      return { kind: "unmap", ino: word(0), fileBlock: word(4), blocks: word(8) };
    case FastCommitTag.CREAT:
    case FastCommitTag.LINK:
    case FastCommitTag.UNLINK: {
      const kind = (["create", "link", "unlink"] as const)[tag - FastCommitTag.CREAT] ?? "create";
      return { kind, parent: word(0), ino: word(4), name: value.subarray(NAME_OFFSET) };
    }
    case FastCommitTag.INODE:
      return { kind: "inode", ino: word(0), bytes: value.subarray(4) };
    default:
      return undefined;
  }
}
