/**
 * How files and free space lie on the device.
 *
 * @module
 */

import { InodeFlag } from "../fs/layout/inode.ts";
import { lookup, newMapping } from "../fs/map/map.ts";
import { isFastSymlink } from "../fs/ops/symlink.ts";
import type { Core } from "./core.ts";
import type { Path } from "./path.ts";

/** A part of a file that lies in one piece on the device. All in bytes. */
export interface FileExtent {
  /** Where it begins in the file. */
  readonly fileOffset: number;
  /** Where it begins in the image. */
  readonly deviceOffset: number;
  readonly length: number;
  /** Allocated, but reads as zeros. */
  readonly unwritten: boolean;
}

/** A run of free space, in bytes. */
export interface FreeRun {
  readonly deviceOffset: number;
  readonly length: number;
}

const mapping = newMapping();
/** Longer than any run. */
const ALL_BLOCKS = 2 ** 32;

/** The extents of a file, directory or long symbolic link, in the order of the file; neighbours are one. */
export function extents(core: Core, path: Path): FileExtent[] {
  return core.run("extents", path, () => {
    const { engine, blockBytes } = core;
    const inode = core.findInode(path, false);
    const found: { -readonly [Key in keyof FileExtent]: FileExtent[Key] }[] = [];
    if (inode.has(InodeFlag.INLINE_DATA)) return found;
    const isNode = !inode.isRegular && !inode.isDirectory;
    if (isNode && (!inode.isSymlink || isFastSymlink(engine, inode))) return found;
    const endBlock = Math.ceil(inode.size / blockBytes);
    for (let fileBlock = 0; fileBlock < endBlock; fileBlock += mapping.blocks) {
      lookup(engine.alloc, inode, fileBlock, Math.min(ALL_BLOCKS, endBlock - fileBlock), mapping);
      if (mapping.diskBlock === 0) continue;
      const length = mapping.blocks * blockBytes;
      const last = found.at(-1);
      const follows = last !== undefined && last.unwritten === mapping.unwritten &&
        last.fileOffset + last.length === fileBlock * blockBytes &&
        last.deviceOffset + last.length === mapping.diskBlock * blockBytes;
      if (follows) last.length += length;
      else {
        found.push({
          fileOffset: fileBlock * blockBytes,
          deviceOffset: mapping.diskBlock * blockBytes,
          length,
          unwritten: mapping.unwritten,
        });
      }
    }
    return found;
  });
}

/** The runs of free space in ascending order; they end where block groups do. */
export function* freeRuns(core: Core): Generator<FreeRun> {
  const { geometry } = core.engine.volume;
  for (let group = 0; group < geometry.groupCount; group++) {
    const runs: FreeRun[] = [];
    core.run(
      "freeRuns",
      core.name,
      () =>
        core.engine.alloc.forEachFreeRun(group, 1, (diskBlock, blocks) => {
          const { blockBytes } = core;
          runs.push({ deviceOffset: diskBlock * blockBytes, length: blocks * blockBytes });
        }),
    );
    yield* runs;
  }
}
