/**
 * Growing: the last group becomes whole, then groups are added. The descriptor table grows into the blocks that the resize
 * inode keeps for it; behind those the rest of the descriptors goes into the new groups (meta_bg), as the kernel does
 * it when it grows a mounted file system.
 *
 * The new groups' bitmaps and inode tables are written to their places at once: they lie outside of the file system as
 * long as the superblock, the descriptors and the resize inode do not say otherwise, which one commit does.
 *
 * @module
 */

import { EFBIG, EINVAL } from "../errno.ts";
import { Unsupported } from "../errors.ts";
import { countBits, nextClear, nextSet, putBits } from "../edit/bits.ts";
import type { Editor } from "../edit/editor.ts";
import { crc32c } from "../layout/crc32c.ts";
import { Compat, Incompat } from "../layout/features.ts";
import { BG_INODE_UNINIT, BG_INODE_ZEROED, type GroupDescriptor } from "../layout/group_desc.ts";
import { groupHasSuperblock } from "../layout/superblock.ts";
import type { ResizeProgress } from "./progress.ts";
import { removeResizeInode, resizeMapBlock, writeResizeInode } from "./resize_inode.ts";
import { setCounts, sparseBackups, type TargetSize } from "./target_size.ts";

const MAX_BLOCKS_32 = 0xffffffff;

/** Grows to `target`, in one commit. The device must have the room. */
export function grow(editor: Editor, target: TargetSize, progress: ResizeProgress): void {
  const { geometry, device } = editor;
  if (target.blocksCount * geometry.blockBytes > device.sizeBytes) {
    throw new Unsupported(EINVAL, "the device is smaller than the file system would be");
  }
  const oldCount = geometry.groupCount;
  if (target.blocksCount > MAX_BLOCKS_32 && editor.superblock.hasCompat(Compat.RESIZE_INODE)) {
    throw new Unsupported(EFBIG, "more than 2^32 blocks are not possible with resize_inode");
  }
  const oldBackups = backupGroups(editor);
  // While the geometry is the old one.
  for (const group of [...oldBackups, oldCount - 1]) editor.groups.changeBlockBitmap(group);
  const oldClusters = geometry.groupClusters(oldCount - 1);
  const mapBlock = makeRoomForDescriptors(editor, target);
  moveBackups(editor, oldCount, target);
  extendLastGroup(editor, oldCount - 1, oldClusters);
  addGroups(editor, oldCount, target, progress);
  const lost = oldBackups.filter((group) => !groupHasSuperblock(editor.superblock, group));
  for (const group of lost) freeBackup(editor, group);
  if (mapBlock !== 0) writeResizeInode(editor, mapBlock);
  editor.commit();
  editor.writeBackups();
}

function backupGroups(editor: Editor): number[] {
  const { geometry, superblock } = editor;
  const groups: number[] = [];
  for (let group = 1; group < geometry.groupCount; group++) {
    if (groupHasSuperblock(superblock, group)) groups.push(group);
  }
  return groups;
}

/**
 * Decides where further descriptor blocks go.
 * @returns the resize inode's map block, if it is kept.
 */
function makeRoomForDescriptors(editor: Editor, target: TargetSize): number {
  const { superblock, geometry } = editor;
  const oldBlocks = geometry.descriptorBlocks;
  const newBlocks = Math.ceil(target.groupCount / geometry.descriptorsPerBlock);
  const more = newBlocks - oldBlocks;
  if (superblock.hasIncompat(Incompat.META_BG)) return 0;
  const kept = superblock.hasCompat(Compat.RESIZE_INODE) ? superblock.reservedGdtBlocks : 0;
  if (more <= kept) {
    const mapBlock = resizeMapBlock(editor);
    superblock.reservedGdtBlocks = kept - more;
    return mapBlock;
  }
  // What is kept becomes part of the classic table; what comes behind it lies in the new groups.
  removeResizeInode(editor);
  superblock.reservedGdtBlocks = 0;
  superblock.firstMetaBlockGroup = oldBlocks + kept;
  superblock.featureIncompat |= Incompat.META_BG;
  return 0;
}

/** With sparse_super2 the last group has a backup: another one is the last now. */
function moveBackups(editor: Editor, oldCount: number, target: TargetSize): void {
  const { superblock } = editor;
  const before = editor.geometry;
  const [first, second] = superblock.hasCompat(Compat.SPARSE_SUPER2)
    ? sparseBackups(superblock, oldCount, target.groupCount)
    : [superblock.backupGroup0, superblock.backupGroup1];
  setCounts(superblock, before, target);
  editor.groups.refresh();
  superblock.backupGroup0 = first;
  superblock.backupGroup1 = second;
}

/** The blocks of a backup that is none any more are free. */
function freeBackup(editor: Editor, group: number): void {
  const { superblock, geometry } = editor;
  const classic = superblock.hasIncompat(Incompat.META_BG) ? superblock.firstMetaBlockGroup : (
    geometry.descriptorBlocks + superblock.reservedGdtBlocks
  );
  editor.groups.mark(geometry.groupFirstBlock(group), 1 + classic, false);
}

/** The clusters that the last group gains are free. */
function extendLastGroup(editor: Editor, group: number, oldClusters: number): void {
  const { geometry, groups } = editor;
  const more = geometry.groupClusters(group) - oldClusters;
  putBits(groups.changeBlockBitmap(group), oldClusters, more, false);
  groups.get(group).freeClusters += more;
}

function addGroups(
  editor: Editor,
  from: number,
  target: TargetSize,
  progress: ResizeProgress,
): void {
  const { geometry } = editor;
  for (let first = from; first < target.groupCount;) {
    const flex = geometry.groupsPerFlex;
    const end = Math.min(target.groupCount, first - first % flex + flex);
    new NewGroups(editor, first, end).write();
    first = end;
    progress("adding groups", first - from, target.groupCount - from);
  }
}

/** Groups that are added together: their bitmaps and tables lie behind one another, in the first where there is room. */
class NewGroups {
  readonly #bitmaps: Uint8Array[] = [];
  readonly #descriptors: GroupDescriptor[] = [];
  #from = 0;

  constructor(readonly editor: Editor, readonly first: number, readonly end: number) {
    const { geometry } = editor;
    this.#from = geometry.groupFirstBlock(first);
    for (let group = first; group < end; group++) {
      const bitmap = new Uint8Array(geometry.blockBytes);
      const base = Math.ceil(editor.baseBlocks(group) / geometry.clusterBlocks);
      putBits(bitmap, 0, base, true);
      const clusters = geometry.groupClusters(group);
      putBits(bitmap, clusters, 8 * geometry.blockBytes - clusters, true);
      this.#bitmaps.push(bitmap);
    }
  }

  write(): void {
    const { geometry } = this.editor;
    const count = this.end - this.first;
    const places = (blocks: number): number[] =>
      Array.from({ length: count }, (_, index) => this.#place(blocks, index));
    const blockBitmaps = places(1);
    const inodeBitmaps = places(1);
    const tables = places(geometry.inodeTableBlocks);
    for (let index = 0; index < count; index++) {
      this.#descriptors.push(this.#descriptor(
        index,
        blockBitmaps[index] as number,
        inodeBitmaps[index] as number,
        tables[index] as number,
      ));
    }
    this.#descriptors.forEach((descriptor, index) => this.#store(descriptor, index));
  }

  /** The next blocks in a row that are free, from where the last ones were; without flex_bg in the group itself. */
  #place(blocks: number, index: number): number {
    const { geometry, superblock } = this.editor;
    const flexible = superblock.hasIncompat(Incompat.FLEX_BG);
    const ratio = geometry.clusterBlocks;
    const inCluster = this.#inCluster(blocks);
    if (inCluster !== undefined) return inCluster;
    const low = flexible ? 0 : index;
    const high = flexible ? this.#bitmaps.length : index + 1;
    for (let at = low; at < high; at++) {
      const bitmap = this.#bitmaps[at] as Uint8Array;
      const first = geometry.groupFirstBlock(this.first + at);
      const clusters = geometry.groupClusters(this.first + at);
      const wanted = Math.ceil(blocks / ratio);
      for (let bit = nextClear(bitmap, 0, clusters); bit + wanted <= clusters;) {
        const stop = nextSet(bitmap, bit, Math.min(clusters, bit + wanted));
        if (stop - bit < wanted) {
          bit = nextClear(bitmap, stop, clusters);
          continue;
        }
        putBits(bitmap, bit, wanted, true);
        const start = first + bit * ratio;
        this.#open = { start: start + blocks, end: start + wanted * ratio };
        return start;
      }
    }
    throw new Unsupported(EINVAL, "the new groups are too small for their own metadata");
  }

  /** What is left of the last cluster that was taken, with bigalloc. */
  #open = { start: 0, end: 0 };

  #inCluster(blocks: number): number | undefined {
    const { start, end } = this.#open;
    if (end - start < blocks || !this.editor.superblock.hasIncompat(Incompat.FLEX_BG)) {
      return undefined;
    }
    this.#open = { start: start + blocks, end };
    return start;
  }

  #descriptor(
    index: number,
    blockBitmap: number,
    inodeBitmap: number,
    inodeTable: number,
  ): GroupDescriptor {
    const { geometry, superblock } = this.editor;
    const clusters = geometry.groupClusters(this.first + index);
    const lazy = superblock.hasGroupChecksums;
    return {
      blockBitmap,
      inodeBitmap,
      inodeTable,
      freeClusters: clusters - countBits(this.#bitmaps[index] as Uint8Array, clusters),
      freeInodes: geometry.inodesPerGroup,
      usedDirectories: 0,
      flags: lazy ? BG_INODE_UNINIT | BG_INODE_ZEROED : 0,
      excludeBitmap: 0,
      blockBitmapChecksum: 0,
      inodeBitmapChecksum: 0,
      unusedInodes: lazy ? geometry.inodesPerGroup : 0,
      checksum: 0,
    };
  }

  #store(descriptor: GroupDescriptor, index: number): void {
    const { editor } = this;
    const { geometry, superblock, device, groups } = editor;
    const { blockBytes } = geometry;
    const bitmap = this.#bitmaps[index] as Uint8Array;
    const inodes = groups.emptyInodeBitmap();
    if (superblock.hasMetadataChecksums) {
      const seed = superblock.checksumSeed;
      const mask = geometry.descriptorBytes >= 64 ? 0xffffffff : 0xffff;
      const blockBytesSealed = geometry.clustersPerGroup / 8;
      const inodeBytesSealed = Math.floor(geometry.inodesPerGroup / 8);
      descriptor.blockBitmapChecksum = (crc32c(seed, bitmap, 0, blockBytesSealed) & mask) >>> 0;
      descriptor.inodeBitmapChecksum = (crc32c(seed, inodes, 0, inodeBytesSealed) & mask) >>> 0;
    }
    device.write(bitmap, descriptor.blockBitmap * blockBytes);
    device.write(inodes, descriptor.inodeBitmap * blockBytes);
    device.zero(descriptor.inodeTable * blockBytes, geometry.inodeTableBlocks * blockBytes);
    const group = this.first + index;
    groups.descriptors[group] = descriptor;
    groups.touch(group);
    const within = group % geometry.descriptorsPerBlock;
    if (within !== 0) return;
    // A descriptor block that begins with this group is new: whatever lies there counts for nothing.
    editor.blocks.fresh(geometry.descriptorBlock(group / geometry.descriptorsPerBlock));
  }
}
