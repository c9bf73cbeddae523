/**
 * What mutations work on: a stretch of the image that is one structure of the format, with its fields.
 *
 * @module
 */

import type { Seals } from "./seals.ts";

/** Kinds of structures; mutations draw a kind first, so that rare ones get their share. */
export type Kind =
  | "superblock"
  | "group descriptor"
  | "block bitmap"
  | "inode bitmap"
  | "inode"
  | "reserved inode"
  | "free inode"
  | "extent node"
  | "indirect block"
  | "directory block"
  | "htree root"
  | "htree node"
  | "xattr block"
  | "journal superblock"
  | "journal block"
  | "journal copy"
  | "orphan file block"
  | "mmp block"
  | "quota block"
  | "link target"
  | "backup";

/** One number in a structure. */
export interface Field {
  readonly name: string;
  /** Byte offset within the structure. */
  readonly at: number;
  /** Bytes. */
  readonly width: 1 | 2 | 4;
}

/** One structure in the image. */
export interface Structure {
  readonly kind: Kind;
  /** What tells it from the others, e.g. "inode 12". */
  readonly name: string;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  /** Big-endian fields: the journal's. */
  readonly bigEndian?: boolean;
  /** Its fields as the base image has them. */
  readonly fields: readonly Field[];
  /** Makes the checksums that cover it right again. */
  readonly seal?: (seals: Seals) => void;
}

/** Fields in a row, one after the other. */
export function row(prefix: string, at: number, width: 1 | 2 | 4, count: number): Field[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `${prefix}${(at + index * width).toString(16)}`,
    at: at + index * width,
    width,
  }));
}

/** Fields by "name:offset:width", offsets in hexadecimal and relative to `base`. */
export function named(list: string, base = 0, prefix = ""): Field[] {
  return list.trim().split(/\s+/).map((item) => {
    const [name = "", at = "0", width = "4"] = item.split(":");
    const bytes = Number(width);
    if (bytes !== 1 && bytes !== 2 && bytes !== 4) throw new Error(`${item}: width ${width}`);
    return { name: `${prefix}${name}`, at: base + Number.parseInt(at, 16), width: bytes };
  });
}
