/** Leaving an image with fast commits, as a kernel does that stops before its next whole commit. @module */

import { Allocator } from "../../fs/alloc/allocator.ts";
import { MemoryDevice } from "../../fs/device/memory.ts";
import { crc32c } from "../../fs/layout/crc32c.ts";
import { FastCommitTag } from "../../fs/layout/fast_commit.ts";
import { Incompat } from "../../fs/layout/features.ts";
import { InodeFlag, S_IFDIR, S_IFREG } from "../../fs/layout/inode.ts";
import { JournalIncompat } from "../../fs/layout/journal.ts";
import { GOOD_OLD_INODE_BYTES, ROOT_INODE } from "../../fs/layout/superblock.ts";
import { findLog } from "../../fs/ops/find_log.ts";
import { Volume } from "../../fs/volume/volume.ts";
import { crashOptions } from "./engine_options.ts";
import { NOISE } from "./walk.ts";

const SEQUENCE = 77;
const DIRECTORY = 100;
const FILE = 101;
const FILE_BLOCKS = 9;

type Record = readonly [tag: number, value: Uint8Array];

function words(...values: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

function named(tag: number, parent: number, ino: number, name: string): Record {
  return [tag, Uint8Array.from([...words(parent, ino), ...new TextEncoder().encode(name)])];
}

function inode(ino: number, mode: number, links: number, size: number): Record {
  const bytes = new Uint8Array(4 + GOOD_OLD_INODE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, ino, true);
  view.setUint16(4, mode, true);
  view.setUint32(4 + 0x4, size, true);
  view.setUint16(4 + 0x1a, links, true);
  view.setUint32(4 + 0x20, InodeFlag.EXTENTS, true);
  return [FastCommitTag.INODE, bytes];
}

function range(ino: number, fileBlock: number, blocks: number, diskBlock: number): Record {
  return [FastCommitTag.ADD_RANGE, words(ino, fileBlock, blocks, diskBlock)];
}

/** One block of the area: records, and the tail that makes them count. */
function commitBlock(blockBytes: number, records: readonly Record[]): Uint8Array {
  const bytes = new Uint8Array(blockBytes);
  const view = new DataView(bytes.buffer);
  let end = 0;
  const put = (tag: number, value: Uint8Array, length = value.length): void => {
    view.setUint16(end, tag, true);
    view.setUint16(end + 2, length, true);
    bytes.set(value, end + 4);
    end += 4 + length;
  };
  for (const [tag, value] of records) put(tag, value);
  const tail = end;
  put(FastCommitTag.TAIL, words(SEQUENCE, 0), blockBytes - end - 4);
  view.setUint32(tail + 8, crc32c(0, bytes, 0, tail + 8), true);
  return bytes;
}

/** Two fast commits: a directory that nobody looks into is made, with a file that grows and moves. */
export function leaveFastCommits(image: Uint8Array, blockBytes: number): void {
  const device = new MemoryDevice(image.length);
  device.write(image, 0);
  const volume = new Volume(device, crashOptions(() => {}));
  const log = findLog(new Allocator(volume), null);
  log.superblock.featureIncompat |= JournalIncompat.FAST_COMMIT;
  log.superblock.startBlock = 1;
  log.superblock.sequence = SEQUENCE;
  log.writeSuperblock();
  volume.superblock.featureIncompat |= Incompat.RECOVER;
  volume.writeSuperblock();
  const free = volume.geometry.blocksCount - 200;
  const commits: Record[][] = [[
    [FastCommitTag.HEAD, words(0, SEQUENCE)],
    inode(DIRECTORY, S_IFDIR | 0o755, 2, blockBytes),
    named(FastCommitTag.CREAT, ROOT_INODE, DIRECTORY, NOISE),
    inode(FILE, S_IFREG | 0o644, 1, FILE_BLOCKS * blockBytes),
    range(FILE, 0, FILE_BLOCKS, free),
    named(FastCommitTag.CREAT, DIRECTORY, FILE, "left"),
  ], [
    [FastCommitTag.DEL_RANGE, words(FILE, 2, 3)],
    range(FILE, 20, 2, free + 3),
    named(FastCommitTag.LINK, DIRECTORY, FILE, "moved"),
    named(FastCommitTag.UNLINK, DIRECTORY, FILE, "left"),
    inode(FILE, S_IFREG | 0o644, 1, 22 * blockBytes),
  ]];
  commits.forEach((records, index) => {
    const place = log.offsetOf(log.superblock.logEndBlock + 1 + index);
    log.device.write(commitBlock(blockBytes, records), place);
  });
  device.read(image, 0);
}
