/**
 * What the directory functions need of a volume, computed once: sizes, features, the name hasher, and
 * records that are used again by every call so that none of them allocates.
 *
 * @module
 */

import type { Allocator } from "../alloc/allocator.ts";
import { Buffer, type BufferCache, type Sealer } from "../device/cache.ts";
import { DirHasher, effectiveHashVersion, HashVersion } from "../layout/dir_hash.ts";
import { DIRENT_TAIL_BYTES, setDirentBlockChecksum } from "../layout/dirent.ts";
import { Compat, Incompat } from "../layout/features.ts";
import {
  corruptHtree,
  MAX_INDIRECT_LEVELS,
  MAX_INDIRECT_LEVELS_LARGE_DIR,
  NODE_ENTRIES_OFFSET,
  nodeLimit,
  ROOT_ENTRIES_OFFSET,
  rootLimit,
  setHtreeBlockChecksum,
} from "../layout/htree.ts";
import { FLAG_UNSIGNED_HASH } from "../layout/superblock.ts";
import { InodeFlag } from "../layout/inode.ts";
import type { Inode } from "../volume/inode.ts";
import type { Volume } from "../volume/volume.ts";
import { AbsentName } from "./absent_name.ts";
import { EntryRegion } from "./entry_region.ts";
import { EncryptedNames, StoredHasher } from "./encrypted_names.ts";
import { FoldedNames, FoldingHasher } from "./folded_names.ts";
import { LeafOrder } from "./leaf_order.ts";
import { ReadSequence } from "./read_sequence.ts";

/** Values of `Buffer.verifiedAs`. The first block of a directory holds "." and "..", so it is checked for more. */
export const VERIFIED_LEAF = 1;
export const VERIFIED_NODE = 2;
export const VERIFIED_ROOT = 8;
export const VERIFIED_FIRST_LEAF = 9;

/** Blocks that a file block number in an index can name. */
const MAX_DIRECTORY_BLOCKS = 0x10000000;
/** Largest directory without large_dir: its size must fit 31 bits. */
const MAX_SMALL_DIRECTORY_BYTES = 0x7fffffff;

const NO_BUFFER = new Buffer(0, new Uint8Array(0));

/** One level of the way from an htree's root to a leaf. */
export class HtreeFrame {
  buffer: Buffer = NO_BUFFER;
  /** Byte offset of the index entries in the block. */
  entries = 0;
  count = 0;
  limit = 0;
  /** Index entry that was followed. */
  at = 0;
}

const leafSealer: Sealer = {
  seal: (buffer, seed) => setDirentBlockChecksum(buffer.bytes, buffer.view, seed),
};
const rootSealer: Sealer = {
  seal: (buffer, seed) =>
    setHtreeBlockChecksum(buffer.bytes, buffer.view, ROOT_ENTRIES_OFFSET, seed),
};
const nodeSealer: Sealer = {
  seal: (buffer, seed) =>
    setHtreeBlockChecksum(buffer.bytes, buffer.view, NODE_ENTRIES_OFFSET, seed),
};

type HashSeed = [number, number, number, number];

/** Whether names of the directory are found without regard to case, where the volume has the feature casefold. */
export function ignoresCase(dir: Inode): boolean {
  return (dir.flags & InodeFlag.CASEFOLD) !== 0;
}

/** A volume's directories. */
export class DirContext {
  readonly volume: Volume;
  readonly cache: BufferCache;
  readonly blockBytes: number;
  /** Bytes of a leaf block that entries fill: all, or all but the tail. */
  readonly leafBytes: number;
  readonly inodesCount: number;
  readonly checksums: boolean;
  readonly filetype: boolean;
  readonly dirIndex: boolean;
  readonly largeDir: boolean;
  readonly inlineData: boolean;
  readonly extents: boolean;
  readonly maxBlocks: number;
  readonly maxIndirectLevels: number;
  readonly rootLimit: number;
  readonly nodeLimit: number;
  /** Names are hashed as unsigned chars. */
  readonly unsignedHash: boolean;
  /** hash_version that a new index gets: 0 to 2. */
  readonly newHashVersion: number;
  /** Hashes names as the directory at hand does: see `useHash`. */
  hasher: DirHasher;
  readonly #plainHasher: DirHasher;
  readonly #foldingHasher: DirHasher | null;
  readonly #storedHasher: DirHasher | null;
  /** Finds names in directories that disregard case, where the volume may have such. */
  readonly foldedNames: FoldedNames | null;
  /** Shows and finds names of encrypted directories, where the volume may have such. */
  readonly encryptedNames: EncryptedNames | null;
  /** How `read` is to show the hashes of names, in an encrypted directory. */
  shows: "nothing" | "names" | "names with hashes" = "nothing";
  /** Names are to be found as they are kept, in directories that disregard case too. */
  exact = false;
  readonly leafSealer: Sealer | null;
  readonly rootSealer: Sealer | null;
  readonly nodeSealer: Sealer | null;

  /** Grows with every change that moves or removes entries: a slot found earlier has to be found again. */
  generation = 0;
  readonly absent = new AbsentName();
  readonly region = new EntryRegion();
  /** For reading: `emit` may look names up. */
  readonly readRegion = new EntryRegion();
  /** For splits: the other leaf, the order of the entries, and a copy of the leaf. */
  readonly otherRegion = new EntryRegion();
  readonly order: LeafOrder;
  readonly copy: Buffer;
  /** What the last reader of an indexed directory was given. */
  readonly sequence = new ReadSequence();
  readonly frames: readonly [HtreeFrame, HtreeFrame, HtreeFrame] = [
    new HtreeFrame(),
    new HtreeFrame(),
    new HtreeFrame(),
  ];
  /** Levels of index blocks of the directory whose way is in `frames`: 1 to 3. */
  depth = 0;
  /** File block of the leaf that the frames lead to. */
  leafBlock = 0;
  /** Hash version of the directory whose way is in `frames`. */
  hashVersion = 0;

  constructor(readonly alloc: Allocator) {
    const { volume } = alloc;
    const { superblock, geometry } = volume;
    this.volume = volume;
    this.cache = volume.cache;
    this.blockBytes = geometry.blockBytes;
    this.inodesCount = geometry.inodesCount;
    this.checksums = superblock.hasMetadataChecksums;
    this.leafBytes = geometry.blockBytes - (this.checksums ? DIRENT_TAIL_BYTES : 0);
    this.filetype = superblock.hasIncompat(Incompat.FILETYPE);
    this.dirIndex = superblock.hasCompat(Compat.DIR_INDEX);
    this.largeDir = superblock.hasIncompat(Incompat.LARGEDIR);
    this.inlineData = superblock.hasIncompat(Incompat.INLINE_DATA);
    this.extents = superblock.hasIncompat(Incompat.EXTENTS);
    this.maxBlocks = this.largeDir
      ? MAX_DIRECTORY_BLOCKS
      : Math.floor(MAX_SMALL_DIRECTORY_BYTES / geometry.blockBytes);
    this.maxIndirectLevels = this.largeDir ? MAX_INDIRECT_LEVELS_LARGE_DIR : MAX_INDIRECT_LEVELS;
    this.rootLimit = rootLimit(geometry.blockBytes, this.checksums);
    this.nodeLimit = nodeLimit(geometry.blockBytes, this.checksums);
    this.unsignedHash = (superblock.flags & FLAG_UNSIGNED_HASH) !== 0;
    const version = superblock.defaultHashVersion;
    this.newHashVersion = version <= HashVersion.TEA ? version : HashVersion.HALF_MD4;
    const [a, b, c, d] = [0, 1, 2, 3].map((i) => superblock.hashSeed(i)) as HashSeed;
    const folds = superblock.hasIncompat(Incompat.CASEFOLD);
    this.#plainHasher = this.hasher = new DirHasher(a, b, c, d);
    this.#foldingHasher = folds ? new FoldingHasher(a, b, c, d) : null;
    this.foldedNames = folds ? new FoldedNames() : null;
    const encrypts = superblock.hasIncompat(Incompat.ENCRYPT);
    this.#storedHasher = encrypts && folds ? new StoredHasher(a, b, c, d) : null;
    this.encryptedNames = encrypts ? new EncryptedNames() : null;
    this.order = new LeafOrder(geometry.blockBytes);
    this.copy = new Buffer(0, new Uint8Array(geometry.blockBytes));
    this.leafSealer = this.checksums ? leafSealer : null;
    this.rootSealer = this.checksums ? rootSealer : null;
    this.nodeSealer = this.checksums ? nodeSealer : null;
  }

  /** Sets `hasher` and `hashVersion` for a directory. @param stored hash_version of its index: 0 to 2. */
  useHash(dir: Inode, stored: number): void {
    this.hashVersion = effectiveHashVersion(stored, this.unsignedHash);
    const folding = this.#foldingHasher;
    this.hasher = folding !== null && ignoresCase(dir) ? folding : this.#plainHasher;
    if (this.#storedHasher !== null && ignoresCase(dir) && this.isEncrypted(dir)) {
      this.hasher = this.#storedHasher;
    } else if (stored === HashVersion.SIPHASH) {
      throw corruptHtree(dir.ino, 0, "hash_version 6 where names are not encrypted without case");
    }
  }

  /** Whether the directory's names are encrypted. */
  isEncrypted(dir: Inode): boolean {
    return this.encryptedNames !== null && (dir.flags & InodeFlag.ENCRYPT) !== 0;
  }

  /** As `EntryRegion.find`; without regard to case, or for a name shown without its key, where the directory wants that. @throws Corrupt */
  findEntry(dir: Inode, region: EntryRegion, name: Uint8Array): number {
    const { foldedNames, encryptedNames } = this;
    if (encryptedNames !== null && this.isEncrypted(dir)) return encryptedNames.find(region, name);
    if (foldedNames === null || this.exact || !ignoresCase(dir)) return region.find(name);
    return foldedNames.find(region, name);
  }
}

/** The context of an allocator's volume: it is kept with the allocator, which does not know what it is. */
export function contextOf(alloc: Allocator): DirContext {
  const kept = alloc.directories;
  if (kept instanceof DirContext) return kept;
  const made = new DirContext(alloc);
  alloc.directories = made;
  return made;
}
