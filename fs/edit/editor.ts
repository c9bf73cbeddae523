/**
 * A file system that is edited as a whole, offline: its size, its features, its places. Nothing reaches the device before
 * `commit`, and then all of it at once (`store_edit.ts`).
 *
 * @module
 */

import type { BlockDevice } from "../device/device.ts";
import { EBUSY, EINVAL, ENOSPC, EROFS, EUCLEAN } from "../errno.ts";
import { baseMetadataBlocks } from "../alloc/system_zones.ts";
import { Corrupt, Unsupported } from "../errors.ts";
import { Log } from "../journal/log.ts";
import { Compat, featureNames, Incompat, RoCompat } from "../layout/features.ts";
import { type InodeFormat, InodeRecord } from "../layout/inode.ts";
import { decodeMmp, MMP_SEQUENCE_CLEAN } from "../layout/mmp.ts";
import { NO_STAMP, setStamp, stampFits } from "../layout/snapshot_stamp.ts";
import {
  groupHasSuperblock,
  STATE_ERROR,
  STATE_ORPHAN,
  STATE_VALID,
  type Superblock,
  SUPERBLOCK_OFFSET,
} from "../layout/superblock.ts";
import type { Geometry } from "../volume/geometry.ts";
import { readSuperblock } from "../volume/volume.ts";
import { hasBit, nextClear, nextSet, putBits } from "./bits.ts";
import { EditedBlocks } from "./blocks.ts";
import { type FileMap, readFileMap } from "./file_map.ts";
import { Groups } from "./groups.ts";
import { fitsInLog, type StoredHow, storeEdit } from "./store_edit.ts";

const KNOWN_INCOMPAT = Incompat.FILETYPE | Incompat.META_BG | Incompat.EXTENTS | Incompat.BIT64 |
  Incompat.MMP | Incompat.FLEX_BG | Incompat.EA_INODE | Incompat.CSUM_SEED | Incompat.LARGEDIR |
  Incompat.INLINE_DATA | Incompat.ENCRYPT | Incompat.CASEFOLD;
const KNOWN_RO_COMPAT = RoCompat.SPARSE_SUPER | RoCompat.LARGE_FILE | RoCompat.HUGE_FILE |
  RoCompat.GDT_CSUM | RoCompat.DIR_NLINK | RoCompat.EXTRA_ISIZE | RoCompat.BIGALLOC |
  RoCompat.METADATA_CSUM | RoCompat.QUOTA | RoCompat.PROJECT | RoCompat.VERITY;

/** How the editor is opened. */
export interface EditOptions {
  /** Seconds since 1970. */
  readonly now: () => number;
  /** Errors that are recorded, and features that are not known, do not matter: only the superblock will change. */
  readonly superblockOnly?: boolean;
  /** Whoever has the file system, by its multiple mount protection, is gone. */
  readonly ignoreMmp?: boolean;
}

/** Neighbouring free blocks that were taken. */
export interface Taken {
  readonly start: number;
  readonly blocks: number;
}

/** The file system. Its journal must be empty: recover before. */
export class Editor {
  readonly superblock: Superblock;
  readonly blocks: EditedBlocks;
  readonly groups: Groups;
  /** Allocation stays below this block. */
  limitBlock: number;
  /** Blocks that must not be taken, although they are free. */
  readonly barred: Taken[] = [];
  /** Freed since the last commit: until then they are what a crash leaves. */
  #freed: Taken[] = [];
  /** How commits went: the least atomic one. */
  storedHow: StoredHow = "nothing";
  /** Snapshots are good, which the superblock has to go on saying. */
  readonly #stamped: boolean;
  #cursor = 0;
  /** Blocks of the file system as it lies on the device. */
  #committedBlocks: number;
  /** Runs of this many clusters were looked for in vain. */
  #hopeless = Number.POSITIVE_INFINITY;

  /** @throws Unsupported for a state in which nothing may be edited; Corrupt; DeviceError. */
  constructor(readonly device: BlockDevice, readonly options: EditOptions) {
    this.superblock = readSuperblock(device);
    checkEditable(this.superblock, options.superblockOnly ?? false);
    this.#stamped = this.superblock.snapshotStamp !== NO_STAMP && stampFits(this.superblock);
    const { blockBytes } = this.superblock;
    this.blocks = new EditedBlocks(device, blockBytes);
    if (this.superblock.blocksCount * blockBytes > device.sizeBytes) {
      throw new Corrupt("superblock", "offset 1024", "s_blocks_count exceeds the device");
    }
    this.groups = new Groups(this.superblock, this.blocks);
    this.limitBlock = this.#committedBlocks = this.superblock.blocksCount;
    this.#checkMultiMount();
  }

  /** Nothing but the superblock was changed. */
  get isUntouched(): boolean {
    return this.blocks.changed.size === 0 && this.groups.isUntouched;
  }

  get geometry(): Geometry {
    return this.groups.geometry;
  }

  /** What the inodes are stored like, by the superblock as it is now. */
  get inodeFormat(): InodeFormat {
    const { superblock } = this;
    return {
      inodeBytes: superblock.inodeBytes,
      blockBytes: superblock.blockBytes,
      checksumSeed: superblock.hasMetadataChecksums ? superblock.checksumSeed : undefined,
      hugeFile: superblock.hasRoCompat(RoCompat.HUGE_FILE),
    };
  }

  /** Where an inode lies. */
  inodePlace(ino: number): { readonly block: number; readonly offset: number } {
    const { geometry } = this;
    const group = geometry.groupOfInode(ino);
    const index = (ino - 1) % geometry.inodesPerGroup;
    const block = this.groups.get(group).inodeTable + Math.floor(index / geometry.inodesPerBlock);
    return { block, offset: (index % geometry.inodesPerBlock) * geometry.inodeBytes };
  }

  /** @throws Corrupt */
  readInode(ino: number): InodeRecord {
    const { block, offset } = this.inodePlace(ino);
    const inode = new InodeRecord(ino, this.inodeFormat);
    inode.decode(this.blocks.read(block), offset);
    return inode;
  }

  writeInode(inode: InodeRecord): void {
    const { block, offset } = this.inodePlace(inode.ino);
    inode.updateChecksumSeed();
    inode.encode(this.blocks.change(block), offset);
  }

  readMap(inode: InodeRecord): FileMap {
    return readFileMap(inode, this.blocks, this.geometry);
  }

  /** Numbers of the inodes in use, the reserved ones included. */
  *usedInodes(): Generator<number> {
    const { inodesPerGroup } = this.geometry;
    for (let group = 0; group < this.geometry.groupCount; group++) {
      const bitmap = this.groups.inodeBitmap(group);
      for (
        let bit = nextSet(bitmap, 0, inodesPerGroup);
        bit < inodesPerGroup;
        bit = nextSet(bitmap, bit + 1, inodesPerGroup)
      ) yield group * inodesPerGroup + bit + 1;
    }
  }

  /**
   * Takes a free inode number in the first `groupCount` groups, near `group`.
   * @throws Unsupported ENOSPC
   */
  takeInode(groupCount: number, group: number, directory: boolean): number {
    const { inodesPerGroup } = this.geometry;
    for (let i = 0; i < groupCount; i++) {
      const at = (group + i) % groupCount;
      const descriptor = this.groups.get(at);
      if (descriptor.freeInodes === 0) continue;
      const first = at === 0 ? this.superblock.firstInode - 1 : 0;
      const bit = nextClear(this.groups.inodeBitmap(at), first, inodesPerGroup);
      if (bit >= inodesPerGroup) continue;
      putBits(this.groups.changeInodeBitmap(at), bit, 1, true);
      descriptor.freeInodes--;
      if (directory) descriptor.usedDirectories++;
      descriptor.unusedInodes = Math.min(descriptor.unusedInodes, inodesPerGroup - bit - 1);
      return at * inodesPerGroup + bit + 1;
    }
    throw new Unsupported(ENOSPC, "there are not enough free inodes");
  }

  /** Gives an inode number back, and clears its place. */
  dropInode(ino: number, directory: boolean): void {
    const { geometry } = this;
    const group = geometry.groupOfInode(ino);
    const bit = (ino - 1) % geometry.inodesPerGroup;
    if (!hasBit(this.groups.inodeBitmap(group), bit)) return;
    putBits(this.groups.changeInodeBitmap(group), bit, 1, false);
    const descriptor = this.groups.get(group);
    descriptor.freeInodes++;
    if (directory) descriptor.usedDirectories--;
    const { block, offset } = this.inodePlace(ino);
    this.blocks.change(block).fill(0, offset, offset + geometry.inodeBytes);
  }

  /**
   * Takes free blocks below `limitBlock` (whole clusters): `wanted` in a row if there are so many, else the first that are free.
   * @throws Unsupported ENOSPC when nothing is free.
   */
  take(wanted: number): Taken {
    const ratio = this.geometry.clusterBlocks;
    const clusters = Math.ceil(wanted / ratio);
    const found = this.find(clusters);
    if (found === undefined) throw new Unsupported(ENOSPC, "there are not enough free blocks");
    this.groups.mark(found.start, found.blocks, true);
    this.#cursor = found.start + found.blocks;
    return { start: found.start, blocks: Math.min(found.blocks, wanted) };
  }

  /** As `take`, but all in a row or nothing: undefined. */
  takeRow(wanted: number): Taken | undefined {
    const clusters = Math.ceil(wanted / this.geometry.clusterBlocks);
    const found = this.#search(clusters, 0);
    if (found === undefined) return undefined;
    this.groups.mark(found.start, found.blocks, true);
    return { start: found.start, blocks: wanted };
  }

  /** A run of free clusters, of this many if there is one, else the first one. Blocks of it, whole clusters. */
  find(clusters: number): Taken | undefined {
    if (clusters > 1 && clusters < this.#hopeless) {
      const whole = this.#search(clusters, this.#cursor) ?? this.#search(clusters, 0);
      if (whole !== undefined) return whole;
      this.#hopeless = clusters;
    }
    const half = Math.min(clusters, this.#hopeless) >> 1;
    if (half > 1) return this.find(half);
    return this.#search(1, this.#cursor) ?? this.#search(1, 0);
  }

  /** Takes or frees these blocks in the bitmaps. */
  mark(block: number, blocks: number, used: boolean): void {
    this.groups.mark(block, blocks, used);
    if (used) return;
    this.blocks.forget(block, blocks);
    if (block < this.limitBlock) this.#freed.push({ start: block, blocks });
  }

  /** Whether a block is free. */
  isFree(block: number): boolean {
    const { geometry } = this;
    const group = geometry.groupOfBlock(block);
    return !hasBit(this.groups.blockBitmap(group), geometry.bitOfBlock(block));
  }

  #search(clusters: number, fromBlock: number): Taken | undefined {
    const { geometry } = this;
    const ratio = geometry.clusterBlocks;
    const start = Math.max(fromBlock, geometry.firstDataBlock);
    if (start >= this.limitBlock) return undefined;
    for (let group = geometry.groupOfBlock(start); group < geometry.groupCount; group++) {
      const first = geometry.groupFirstBlock(group);
      if (first >= this.limitBlock) return undefined;
      if (this.groups.get(group).freeClusters < clusters) continue;
      const bitmap = this.groups.blockBitmap(group);
      const lastBlock = Math.min(this.limitBlock, first + geometry.groupBlocks(group));
      const end = Math.floor((lastBlock - first) / ratio);
      let bit = first < start ? Math.ceil((start - first) / ratio) : 0;
      while (bit < end) {
        bit = nextClear(bitmap, bit, end);
        if (bit >= end) break;
        const to = Math.min(nextSet(bitmap, bit, end), bit + clusters);
        const free = this.#withoutBarred(first + bit * ratio, (to - bit) * ratio);
        if (free.blocks >= clusters * ratio) return free;
        bit = free.next === 0 ? to : Math.max(bit + 1, Math.ceil((free.next - first) / ratio));
      }
    }
    return undefined;
  }

  /** The run up to what is barred; `next` is where to go on when it begins barred. */
  #withoutBarred(start: number, blocks: number): Taken & { readonly next: number } {
    for (const barred of [...this.barred, ...this.#freed]) {
      const end = barred.start + barred.blocks;
      if (end <= start || barred.start >= start + blocks) continue;
      if (barred.start > start) {
        return { start, blocks: barred.start - start, next: end };
      }
      return { start, blocks: 0, next: end };
    }
    return { start, blocks, next: 0 };
  }

  /** The journal's log; null without one inside. @throws Corrupt */
  log(): Log | null {
    const { superblock, geometry } = this;
    if (!superblock.hasCompat(Compat.HAS_JOURNAL) || superblock.journalInode === 0) return null;
    const committed = new EditedBlocks(this.device, geometry.blockBytes);
    const inode = this.readInode(superblock.journalInode);
    const { runs } = readFileMap(inode, committed, geometry);
    const places = new Float64Array(Math.floor(inode.size / geometry.blockBytes));
    for (const run of runs) {
      for (let i = 0; i < run.blocks && run.fileBlock + i < places.length; i++) {
        places[run.fileBlock + i] = run.diskBlock + i;
      }
    }
    return new Log(this.device, geometry.blockBytes, places);
  }

  /** Writes the superblock's fields into its block. */
  putSuperblock(): void {
    this.superblock.writeTime = this.options.now();
    if (this.#stamped) setStamp(this.superblock, true);
    this.superblock.setChecksum();
    const { superblockBlock, blockBytes } = this.geometry;
    this.blocks.change(superblockBlock).set(this.superblock.bytes, SUPERBLOCK_OFFSET % blockBytes);
  }

  /**
   * Makes everything that was changed visible at once, and durable.
   * @param log how to get there; left out: through the journal if there is one.
   */
  commit(log: Log | null = this.log()): StoredHow {
    if (this.options.superblockOnly !== true) this.groups.store();
    this.putSuperblock();
    this.#writeBehindEnd();
    const how = storeEdit({
      device: this.device,
      blockBytes: this.geometry.blockBytes,
      blocks: this.blocks.changed,
      superblockBlock: this.geometry.superblockBlock,
      log,
      seconds: this.options.now(),
    });
    this.#committedBlocks = this.superblock.blocksCount;
    this.blocks.changed.clear();
    this.#freed = [];
    this.#hopeless = Number.POSITIVE_INFINITY;
    if (how === "in place" || this.storedHow !== "in place") this.storedHow = how;
    return how;
  }

  /** What lies behind the end that the device knows of needs no journal: nobody looks there. */
  #writeBehindEnd(): void {
    const { changed, blockBytes } = this.blocks;
    for (const [block, bytes] of changed) {
      if (block < this.#committedBlocks) continue;
      this.device.write(bytes, block * blockBytes);
      changed.delete(block);
    }
  }

  /** Commits when the changes would soon not fit in the journal, or take much memory. */
  commitIfLarge(log: Log | null): void {
    const { size } = this.blocks.changed;
    // Bitmaps and descriptors come on top.
    const waiting = size + 2 * Math.ceil(size / 8) + 64;
    const large = size * this.geometry.blockBytes > MAX_PENDING_BYTES;
    if (large || (log !== null && !fitsInLog(log, 2 * waiting))) this.commit();
  }

  /** Writes the superblock and the descriptors to all their copies, from what is on the device. */
  writeBackups(): void {
    const { geometry, superblock, device } = this;
    const { blockBytes } = geometry;
    const metaFrom = superblock.hasIncompat(Incompat.META_BG)
      ? superblock.firstMetaBlockGroup
      : geometry.descriptorBlocks;
    const classic = Math.min(metaFrom, geometry.descriptorBlocks);
    for (let group = 1; group < geometry.groupCount; group++) {
      const has = groupHasSuperblock(superblock, group);
      const first = geometry.groupFirstBlock(group);
      if (has) this.#writeSuperblockCopy(group, first * blockBytes);
      const index = Math.floor(group / geometry.descriptorsPerBlock);
      if (index < metaFrom) {
        if (!has) continue;
        for (let i = 0; i < classic; i++) {
          this.#copyBlock(geometry.descriptorBlock(i), first + 1 + i);
        }
        continue;
      }
      const within = group % geometry.descriptorsPerBlock;
      if (within !== 1 && within !== geometry.descriptorsPerBlock - 1) continue;
      this.#copyBlock(geometry.descriptorBlock(index), first + (has ? 1 : 0));
    }
    device.flush();
  }

  #copyBlock(from: number, to: number): void {
    const { blockBytes } = this.geometry;
    this.device.write(this.blocks.read(from), to * blockBytes);
  }

  #writeSuperblockCopy(group: number, offsetBytes: number): void {
    const { superblock } = this;
    const number = superblock.blockGroupNumber;
    superblock.blockGroupNumber = group & 0xffff;
    superblock.setChecksum();
    this.device.write(superblock.bytes, offsetBytes);
    superblock.blockGroupNumber = number;
    superblock.setChecksum();
  }

  /** Blocks at a group's beginning that are fixed. */
  baseBlocks(group: number): number {
    return Math.min(baseMetadataBlocks(this.geometry, group), this.geometry.groupBlocks(group));
  }

  #checkMultiMount(): void {
    const { superblock } = this;
    if (!superblock.hasIncompat(Incompat.MMP) || this.options.ignoreMmp === true) return;
    const seed = superblock.hasMetadataChecksums ? superblock.checksumSeed : undefined;
    const block = superblock.mmpBlock;
    if (!this.geometry.blocksInRange(block, 1)) {
      throw new Corrupt("superblock", "offset 1024", `s_mmp_block ${block}`);
    }
    const mmp = decodeMmp(this.blocks.read(block), block, seed);
    if (mmp.sequence === MMP_SEQUENCE_CLEAN) return;
    throw new Unsupported(EBUSY, `it is in use by ${mmp.nodeName || "another host"} (mmp)`);
  }
}

/** Changed blocks kept in memory at most, about. */
const MAX_PENDING_BYTES = 256 << 20;

/** @throws Unsupported */
function checkEditable(superblock: Superblock, superblockOnly: boolean): void {
  if (superblock.hasIncompat(Incompat.RECOVER)) {
    throw new Unsupported(EROFS, "the journal has to be replayed first");
  }
  if (superblockOnly) return;
  if (superblock.snapshotStamp !== NO_STAMP) {
    throw new Unsupported(EBUSY, "it has snapshots, which this would spoil: delete them first");
  }
  const names = [
    ...featureNames("incompat", superblock.featureIncompat & ~KNOWN_INCOMPAT),
    ...featureNames("roCompat", superblock.featureRoCompat & ~KNOWN_RO_COMPAT),
  ];
  if (names.length > 0) {
    throw new Unsupported(EINVAL, `features with which this is not possible: ${names.join(", ")}`);
  }
  const bad = (superblock.state & STATE_ERROR) !== 0 || (superblock.state & STATE_VALID) === 0;
  if (bad || (superblock.state & STATE_ORPHAN) !== 0 || superblock.lastOrphan !== 0) {
    throw new Unsupported(EUCLEAN, "it is not clean: run e2fsck -f first");
  }
}
