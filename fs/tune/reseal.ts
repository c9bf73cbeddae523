/**
 * Setting every metadata checksum of a file system anew, or taking all of them away.
 *
 * @module
 */

import { hasBit } from "../edit/bits.ts";
import { viewOf } from "../edit/blocks.ts";
import type { Editor } from "../edit/editor.ts";
import { readFileMap } from "../edit/file_map.ts";
import { crc32c, crc32cNumber } from "../layout/crc32c.ts";
import { setExtentBlockChecksum } from "../layout/extent.ts";
import { Incompat } from "../layout/features.ts";
import { InodeFlag, InodeRecord } from "../layout/inode.ts";
import { decodeMmp, encodeMmp } from "../layout/mmp.ts";
import { setOrphanBlockChecksum } from "../layout/orphan_file.ts";
import { setXattrBlockChecksum } from "../layout/xattr.ts";
import { type DirectoryBlocks, sealDirectory } from "./directory_seals.ts";

/** Told how far it is. */
export type TuneProgress = (step: string, done: number, total: number) => void;

const LOW_CHECKSUM = 0x7c;
const HIGH_CHECKSUM = 0x82;
const EXTRA_BYTES = 0x80;
const GENERATION = 0x64;

/**
 * Changes the superblock, and seals everything as it then says.
 * @param change changes features, UUID or seed in the superblock.
 * @throws Corrupt for what is wrong already; Unsupported for a directory without room for checksums.
 */
export function reseal(editor: Editor, change: () => void, progress: TuneProgress): void {
  const { superblock } = editor;
  const before = editor.inodeFormat;
  const mmp = superblock.hasIncompat(Incompat.MMP)
    ? decodeMmp(editor.blocks.read(superblock.mmpBlock), superblock.mmpBlock, before.checksumSeed)
    : undefined;
  change();
  const seed = editor.inodeFormat.checksumSeed;
  const sealer = new Sealer(editor, before.checksumSeed, seed);
  const { groupCount } = editor.geometry;
  for (let group = 0; group < groupCount; group++) {
    sealer.group(group);
    progress("setting checksums", group + 1, groupCount);
  }
  if (mmp !== undefined) encodeMmp(editor.blocks.change(superblock.mmpBlock), mmp, seed);
  editor.groups.touchAllBitmaps();
  editor.groups.touchAll();
}

class Sealer {
  readonly #xattrBlocks = new Set<number>();

  constructor(
    readonly editor: Editor,
    readonly old: number | undefined,
    readonly seed: number | undefined,
  ) {}

  group(group: number): void {
    const { editor } = this;
    const { geometry } = editor;
    const descriptor = editor.groups.get(group);
    const count = geometry.inodesPerGroup - descriptor.unusedInodes;
    const bitmap = editor.groups.inodeBitmap(group);
    for (let index = 0; index < count; index++) {
      const block = descriptor.inodeTable + Math.floor(index / geometry.inodesPerBlock);
      const offset = (index % geometry.inodesPerBlock) * geometry.inodeBytes;
      const bytes = editor.blocks.read(block);
      const raw = bytes.subarray(offset, offset + geometry.inodeBytes);
      if (raw.every((byte) => byte === 0)) continue;
      const ino = group * geometry.inodesPerGroup + index + 1;
      const used = hasBit(bitmap, index);
      const inode = used ? this.#decode(ino, bytes, offset) : undefined;
      const changed = editor.blocks.change(block).subarray(offset, offset + geometry.inodeBytes);
      const own = sealInode(changed, ino, this.seed);
      if (inode !== undefined) this.#owned(inode, own);
    }
  }

  #decode(ino: number, bytes: Uint8Array, offset: number): InodeRecord {
    const inode = new InodeRecord(ino, { ...this.editor.inodeFormat, checksumSeed: this.old });
    inode.decode(bytes, offset);
    return inode;
  }

  /** What the inode owns. @param seed of its own checksums. */
  #owned(inode: InodeRecord, seed: number | undefined): void {
    const { editor } = this;
    const { superblock, geometry, blocks } = editor;
    this.#xattrBlock(inode.fileAcl);
    // The resize inode and the list of bad blocks map blocks without checksums.
    if (inode.ino < superblock.firstInode && !inode.isDirectory && !inode.has(InodeFlag.EXTENTS)) {
      return;
    }
    const { runs, nodes } = readFileMap(inode, blocks, geometry);
    if (inode.has(InodeFlag.EXTENTS) && seed !== undefined) {
      for (const node of nodes) {
        const bytes = blocks.change(node);
        setExtentBlockChecksum(bytes, viewOf(bytes), seed);
      }
    }
    if (inode.ino === superblock.orphanFileInode && seed !== undefined) {
      for (const run of runs) {
        for (let block = run.diskBlock; block < run.diskBlock + run.blocks; block++) {
          const bytes = blocks.change(block);
          setOrphanBlockChecksum(bytes, viewOf(bytes), block, seed);
        }
      }
    }
    if (inode.isDirectory && !inode.has(InodeFlag.INLINE_DATA)) {
      sealDirectory(directoryBlocks(editor, inode), this.old !== undefined, seed);
    }
  }

  #xattrBlock(block: number): void {
    if (block === 0 || this.#xattrBlocks.has(block)) return;
    this.#xattrBlocks.add(block);
    const bytes = this.editor.blocks.change(block);
    const view = viewOf(bytes);
    if (this.seed === undefined) view.setUint32(0x10, 0, true);
    else setXattrBlockChecksum(bytes, view, block, this.seed);
  }
}

/** The blocks of a directory, to be changed in place. */
export function directoryBlocks(editor: Editor, inode: InodeRecord): DirectoryBlocks {
  const bytesOf = new Map<number, Uint8Array>();
  for (const run of readFileMap(inode, editor.blocks, editor.geometry).runs) {
    for (let i = 0; i < run.blocks && !run.unwritten; i++) {
      bytesOf.set(run.fileBlock + i, editor.blocks.change(run.diskBlock + i));
    }
  }
  return {
    ino: inode.ino,
    indexed: inode.has(InodeFlag.INDEX),
    hashed: inode.has(InodeFlag.ENCRYPT) && inode.has(InodeFlag.CASEFOLD),
    bytesOf,
  };
}

/**
 * Sets the checksum of an inode in place, or clears it.
 * @returns the seed of what it owns.
 */
function sealInode(raw: Uint8Array, ino: number, seed: number | undefined): number | undefined {
  const view = viewOf(raw);
  const wide = raw.length > 128 && view.getUint16(EXTRA_BYTES, true) >= 4;
  view.setUint16(LOW_CHECKSUM, 0, true);
  if (wide) view.setUint16(HIGH_CHECKSUM, 0, true);
  if (seed === undefined) return undefined;
  const own = crc32cNumber(crc32cNumber(seed, ino), view.getUint32(GENERATION, true));
  const crc = crc32c(own, raw);
  view.setUint16(LOW_CHECKSUM, crc & 0xffff, true);
  if (wide) view.setUint16(HIGH_CHECKSUM, crc >>> 16, true);
  return own;
}
