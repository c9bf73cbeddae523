/**
 * Whether all attributes of an inode can be read. An inode with inline data is lost otherwise: its
 * content is one of them.
 *
 * @module
 */

import { Incompat } from "../layout/features.ts";
import { InodeFlag } from "../layout/inode.ts";
import {
  nextXattr,
  XATTR_ENTRY_BYTES,
  XATTR_VALUE_MAX,
  xattrHash,
  xattrNameBytes,
  xattrValueBytes,
  xattrValueInode,
  xattrValueOffset,
  xattrValueSize,
} from "../layout/xattr.ts";
import { xattrEntryHash, xattrEntryHashOfInode } from "../layout/xattr_hash.ts";
import type { CheckContext } from "./context.ts";
import { listInBlock, listInInode, type XattrList } from "./find_xattr.ts";
import type { InodeReader } from "./inode_reader.ts";
import type { RawInode } from "./raw_inode.ts";

/** Reads lists of attributes as strictly as a reader must. */
export class ReadableXattrs {
  readonly #check: CheckContext;
  readonly #inodes: InodeReader;
  readonly #block: Uint8Array<ArrayBuffer>;

  constructor(check: CheckContext, inodes: InodeReader) {
    this.#check = check;
    this.#inodes = inodes;
    this.#block = check.reader.buffer();
  }

  /** Whether the lists in the inode and in its block are good to their ends. */
  check(raw: RawInode): boolean {
    const inInode = listInInode(raw);
    if (inInode !== undefined && !this.#isReadable(raw, inInode)) return false;
    const block = raw.fileAcl(this.#check.features.is64bit);
    if (block === 0) return true;
    if (!this.#check.inRange(block) || !this.#check.reader.read(block, this.#block)) return false;
    const list = listInBlock(this.#block, new DataView(this.#block.buffer));
    return list !== undefined && this.#isReadable(raw, list);
  }

  #isReadable(raw: RawInode, list: XattrList): boolean {
    const { view, first, end } = list;
    const last = endOfEntries(list);
    if (last === undefined) return false;
    let remain = end - first;
    for (let entry = first; entry < last; entry = nextXattr(view, entry)) {
      remain -= XATTR_ENTRY_BYTES + xattrValueBytes(xattrNameBytes(view, entry));
      const inode = xattrValueInode(view, entry);
      if (inode !== 0) {
        if (!this.#outerIsReadable(raw, list, entry, inode)) return false;
        continue;
      }
      if (xattrValueSize(view, entry) > remain || !innerIsReadable(list, entry, last)) return false;
      remain -= xattrValueSize(view, entry);
    }
    return true;
  }

  #outerIsReadable(raw: RawInode, list: XattrList, entry: number, inode: number): boolean {
    const { view, bytes } = list;
    if (!this.#check.superblock.hasIncompat(Incompat.EA_INODE)) return false;
    const size = xattrValueSize(view, entry);
    if (xattrValueOffset(view, entry) !== 0 || size > XATTR_VALUE_MAX) return false;
    const target = this.#inodes.read(inode);
    if (target === undefined || target.has(InodeFlag.INLINE_DATA)) return false;
    if (!target.has(InodeFlag.EA_INODE) || target.links === 0 || target.size !== size) return false;
    const stored = xattrHash(view, entry);
    if (stored === 0) return true;
    const start = entry + XATTR_ENTRY_BYTES;
    const name = bytes.subarray(start, start + xattrNameBytes(view, entry));
    const value = target.u32(0x8);
    return stored === xattrEntryHashOfInode(name, value) ||
      stored === xattrEntryHashOfInode(name, value, true) ||
      (target.u32(0x10) === raw.ino && target.generation === raw.generation);
  }
}

/** Byte offset of the end mark; undefined when a name leaves the list. */
function endOfEntries(list: XattrList): number | undefined {
  const { view, first, end } = list;
  let entry = first;
  let remain = end - first;
  while (remain >= XATTR_ENTRY_BYTES && view.getUint32(entry, true) !== 0) {
    remain -= XATTR_ENTRY_BYTES;
    const nameBytes = xattrValueBytes(xattrNameBytes(view, entry));
    if (nameBytes > remain) return undefined;
    remain -= nameBytes;
    entry = nextXattr(view, entry);
  }
  return entry;
}

function innerIsReadable(list: XattrList, entry: number, last: number): boolean {
  const { view, bytes, end, valueBase } = list;
  const size = xattrValueSize(view, entry);
  const start = valueBase + xattrValueOffset(view, entry);
  if (start + size > end || (size > 0 && start < last + 4)) return false;
  const stored = xattrHash(view, entry);
  if (stored === 0) return true;
  const nameStart = entry + XATTR_ENTRY_BYTES;
  const name = bytes.subarray(nameStart, nameStart + xattrNameBytes(view, entry));
  const value = bytes.subarray(start, start + xattrValueBytes(size));
  return stored === xattrEntryHash(name, value) || stored === xattrEntryHash(name, value, true);
}
