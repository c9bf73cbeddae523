/** What fs-verity says of a file. */

import { ENODATA } from "../errno.ts";
import { Corrupt } from "../errors.ts";
import { InodeFlag } from "../layout/inode.ts";
import { VERITY_DESCRIPTOR_BYTES, type VerityDigest, verityDigest } from "../layout/verity.ts";
import { lookup, maxFileBlocks, newMapping } from "../map/map.ts";
import type { Inode } from "../volume/inode.ts";
import type { Engine } from "./engine.ts";

/** The hash tree begins behind the file's end at a multiple of this. */
const ALIGNMENT_BYTES = 1 << 16;
/** A signature and its descriptor are not longer. */
const MAX_BYTES = 16384;

const run = newMapping();

/**
 * The digest by which fs-verity knows a file. The hash tree is not looked at.
 * @returns it, or -ENODATA for a file that is not under fs-verity.
 * @throws Corrupt, DeviceError
 */
export function measureVerity(engine: Engine, ino: number): VerityDigest | number {
  const inode = engine.inode(ino);
  if (!inode.has(InodeFlag.VERITY) || !inode.isRegular) return -ENODATA;
  return verityDigest(readDescriptor(engine, inode), ino, inode.size);
}

/** The descriptor begins with a block; its length is in the last four bytes of the file's last block. */
function readDescriptor(engine: Engine, inode: Inode): Uint8Array {
  const { blockBytes } = engine.volume.geometry;
  const bad = (field: string): Corrupt => {
    return new Corrupt("fs-verity descriptor", `inode ${inode.ino}`, field);
  };
  if (!inode.has(InodeFlag.EXTENTS)) throw bad("the file has no extents");
  const end = endOfBlocks(engine, inode) * blockBytes - 4;
  if (end < 0) throw bad("the file has no blocks");
  const last = readBlock(engine, inode, Math.floor(end / blockBytes));
  const length = new DataView(last.buffer).getUint32(blockBytes - 4, true);
  const start = Math.floor((end - length) / blockBytes);
  const first = Math.ceil(inode.size / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
  if (length < VERITY_DESCRIPTOR_BYTES || length > MAX_BYTES || start * blockBytes < first) {
    throw bad(`length ${length}`);
  }
  return readBlock(engine, inode, start).subarray(0, VERITY_DESCRIPTOR_BYTES);
}

/** The file block behind the last one that is mapped. */
function endOfBlocks({ alloc }: Engine, inode: Inode): number {
  const limit = maxFileBlocks(alloc, inode);
  let end = 0;
  for (let at = 0; at < limit;) {
    lookup(alloc, inode, at, limit - at, run);
    at += run.blocks;
    if (run.diskBlock !== 0) end = at;
  }
  return end;
}

function readBlock({ alloc, volume }: Engine, inode: Inode, fileBlock: number): Uint8Array<
  ArrayBuffer
> {
  const { blockBytes } = volume.geometry;
  lookup(alloc, inode, fileBlock, 1, run);
  const bytes = new Uint8Array(blockBytes);
  if (run.diskBlock !== 0) volume.device.read(bytes, run.diskBlock * blockBytes);
  return bytes;
}
