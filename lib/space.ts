/**
 * Space: sizes of files, allocation, holes, and what is left in the image.
 *
 * @module
 */

import { uuidText } from "../fs/bytes/uuid.ts";
import { EINVAL, EISDIR, ENXIO } from "../fs/errno.ts";
import {
  COLLAPSE_RANGE,
  fallocate as fallocateRange,
  INSERT_RANGE,
  KEEP_SIZE,
  PUNCH_HOLE,
  ZERO_RANGE,
} from "../fs/ops/fallocate.ts";
import { filesystemStat } from "../fs/ops/filesystem_stat.ts";
import { seek, SEEK_DATA, SEEK_HOLE } from "../fs/ops/seek.ts";
import { trim as trimRange } from "../fs/ops/trim.ts";
import { setLabel as setVolumeLabel } from "../fs/ops/label.ts";
import { checkBytes, type Core } from "./core.ts";
import { change } from "./metadata.ts";
import { bytesOf, type Path, textOf } from "./path.ts";

/** What `fallocate` does with the range. */
export interface FallocateOptions {
  /**
   * `allocate` (the default): blocks wherever the range has none. `punchHole`: the range becomes a hole.
   * `zeroRange`: the range reads as zeros, its blocks allocated. `collapseRange`: the range is taken out, what
   * follows moves down. `insertRange`: a hole is put in, what follows moves up. The last two want whole blocks.
   */
  readonly mode?: "allocate" | "punchHole" | "zeroRange" | "collapseRange" | "insertRange";
  /** `allocate` and `zeroRange` beyond the end leave the size as it is. Default false. */
  readonly keepSize?: boolean;
}

/** Counts of the file system. */
export interface StatFs {
  /** Magic number of ext2, ext3 and ext4: 0xef53. */
  readonly type: number;
  /** Bytes of a block. */
  readonly bsize: number;
  /** Blocks for files and directories: all but the fixed metadata. */
  readonly blocks: number;
  readonly bfree: number;
  /** Free blocks but those reserved for root. */
  readonly bavail: number;
  /** Inodes, and those free. */
  readonly files: number;
  readonly ffree: number;
  /** Longest name in bytes. */
  readonly nameMax: number;
  readonly label: string;
  /** In the usual form of 36 characters. */
  readonly uuid: string;
}

const MODES: Readonly<Record<NonNullable<FallocateOptions["mode"]>, number>> = {
  allocate: 0,
  punchHole: PUNCH_HOLE | KEEP_SIZE,
  zeroRange: ZERO_RANGE,
  collapseRange: COLLAPSE_RANGE,
  insertRange: INSERT_RANGE,
};
const EXT_MAGIC = 0xef53;
const NAME_MAX = 255;

/** Within an operation: fallocate of an inode. */
export function fallocate(
  core: Core,
  ino: number,
  offset: number,
  length: number,
  options: FallocateOptions,
): void {
  const { mode = "allocate", keepSize = false } = options;
  const keeps = keepSize && (mode === "allocate" || mode === "zeroRange");
  const flags = MODES[mode] | (keeps ? KEEP_SIZE : 0);
  checkBytes(core, offset, "offset");
  if (checkBytes(core, length, "length") === 0) core.refuse(EINVAL, "the length is 0");
  core.must(fallocateRange(core.engine, ino, offset, length, flags, true));
}

/** Within an operation: where data begin at or after `offset`; null when there are none. */
export function seekData(core: Core, ino: number, offset: number): number | null {
  return find(core, ino, offset, SEEK_DATA);
}

/** Within an operation: where a hole begins at or after `offset`; null at or after the end. */
export function seekHole(core: Core, ino: number, offset: number): number | null {
  return find(core, ino, offset, SEEK_HOLE);
}

function find(core: Core, ino: number, offset: number, whence: number): number | null {
  const inode = core.engine.inode(ino);
  if (inode.isDirectory) core.refuse(EISDIR);
  if (!inode.isRegular) core.refuse(EINVAL);
  const found = seek(core.engine, ino, checkBytes(core, offset, "offset"), whence);
  return found === -ENXIO ? null : core.must(found);
}

export function truncate(core: Core, path: Path, size: number): void {
  core.run("truncate", path, () => {
    change(core, core.find(path, true), { size: checkBytes(core, size, "size") });
  });
}

export function setLabel(core: Core, label: string): void {
  core.run("setLabel", core.name, () => {
    const bytes = bytesOf(label);
    if (bytes.includes(0)) core.refuse(EINVAL, "the label holds a NUL");
    core.must(setVolumeLabel(core.engine, bytes));
  });
}

export function statfs(core: Core): StatFs {
  return core.run("statfs", core.name, () => {
    const stat = filesystemStat(core.engine);
    const { superblock } = core.engine.volume;
    return {
      type: EXT_MAGIC,
      bsize: stat.blockBytes,
      blocks: stat.blocks,
      bfree: stat.blocksFree,
      bavail: stat.blocksAvailable,
      files: stat.inodes,
      ffree: stat.inodesFree,
      nameMax: NAME_MAX,
      label: textOf(superblock.bytes.subarray(0x78, 0x88)).replace(/\0.*$/s, ""),
      uuid: uuidText(superblock.uuid),
    };
  });
}

/** What `trim` gives back; all in bytes. */
export interface TrimOptions {
  /** Where the range begins and how long it is. Default: everything. */
  readonly start?: number;
  readonly length?: number;
  /** Free runs that are shorter stay. Default 0. */
  readonly minimum?: number;
}

/** Gives the space of free blocks back to whatever holds the image. @returns bytes. */
export function trim(core: Core, options: TrimOptions): number {
  const { blocksCount, blockBytes } = core.engine.volume.geometry;
  return core.run("trim", core.name, () => {
    const start = checkBytes(core, options.start ?? 0, "start");
    const length = checkBytes(core, options.length ?? blocksCount * blockBytes, "length");
    const minimum = checkBytes(core, options.minimum ?? 0, "minimum");
    return core.must(trimRange(core.engine, start, length, minimum));
  });
}
