/**
 * The orphan file: a fixed file whose blocks hold inode numbers of orphans (kernel documentation:
 * filesystems/ext4/orphan, "Orphan file").
 *
 * kfs keeps its own orphans on the linked list, which every implementation reads too; this module
 * reads what another mount left in the file, and empties it.
 *
 * @module
 */

import type { Sealer } from "../device/cache.ts";
import { Corrupt } from "../errors.ts";
import { Compat, RoCompat } from "../layout/features.ts";
import {
  orphanInode,
  orphansPerBlock,
  setOrphanBlockChecksum,
  validateOrphanBlock,
  writeEmptyOrphanBlock,
} from "../layout/orphan_file.ts";
import { blockOf } from "../map/map.ts";
import type { Inode } from "../volume/inode.ts";
import type { Engine } from "./engine.ts";

/** More blocks than mke2fs ever gives the file. */
const MAX_BLOCKS = 4096;

const sealer: Sealer = {
  seal(buffer, seed) {
    setOrphanBlockChecksum(buffer.bytes, buffer.view, buffer.block, seed);
  },
};

/** The inodes that the file names. @throws Corrupt */
export function storedFileOrphans(engine: Engine): Inode[] {
  const { inodes } = engine.volume;
  const found = new Set<Inode>();
  for (const block of orphanBlocks(engine)) {
    const { view } = engine.volume.cache.get(block);
    for (let slot = 0; slot < orphansPerBlock(view.byteLength); slot++) {
      const ino = orphanInode(view, slot);
      if (ino !== 0) found.add(inodes.load(ino));
    }
  }
  return [...found];
}

/** Empties the file and clears `orphan_present`. */
export function clearOrphanFile(engine: Engine): void {
  const { volume } = engine;
  const file = orphanFile(engine);
  engine.change((handle) => {
    const sealed = volume.superblock.hasMetadataChecksums ? sealer : null;
    for (const block of orphanBlocks(engine)) {
      const buffer = volume.cache.get(block);
      writeEmptyOrphanBlock(buffer.bytes, buffer.view);
      handle.dirty(buffer, sealed, file?.checksumSeed ?? 0);
    }
    volume.superblock.featureRoCompat &= ~RoCompat.ORPHAN_PRESENT;
    volume.touchSuperblock();
    return 0;
  }, MAX_BLOCKS);
}

function orphanFile(engine: Engine): Inode | null {
  const { superblock, inodes } = engine.volume;
  if (!superblock.hasCompat(Compat.ORPHAN_FILE) || superblock.orphanFileInode === 0) return null;
  return inodes.get(superblock.orphanFileInode);
}

/** The file's blocks on disk, each validated. */
function orphanBlocks(engine: Engine): number[] {
  const file = orphanFile(engine);
  if (file === null) return [];
  const { geometry, cache, superblock } = engine.volume;
  const count = Math.ceil(file.size / geometry.blockBytes);
  const bad = (field: string): Corrupt => new Corrupt("orphan file", `inode ${file.ino}`, field);
  if (count > MAX_BLOCKS) throw bad(`i_size ${file.size}`);
  const blocks: number[] = [];
  const seed = superblock.hasMetadataChecksums ? file.checksumSeed : undefined;
  for (let fileBlock = 0; fileBlock < count; fileBlock++) {
    const block = blockOf(engine.alloc, file, fileBlock);
    if (block === 0) throw bad(`block ${fileBlock} is a hole`);
    const buffer = cache.get(block);
    validateOrphanBlock(buffer.bytes, buffer.view, block, geometry.inodesCount, seed);
    blocks.push(block);
  }
  return blocks;
}
