/** Where a file system's journal is: in an inode of its own, or on another device. @module */

import type { Allocator } from "../alloc/allocator.ts";
import type { BlockDevice } from "../device/device.ts";
import { EINVAL, EROFS } from "../errno.ts";
import { Corrupt, Unsupported } from "../errors.ts";
import { Log } from "../journal/log.ts";
import {
  decodeJournalDevice,
  type Superblock,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_OFFSET,
} from "../layout/superblock.ts";
import { lookup, newMapping } from "../map/map.ts";

/** Blocks of the largest journal that is used: 10 million, as mke2fs allows. */
const MAX_JOURNAL_BLOCKS = 10_240_000;

/**
 * The log of the file system's journal.
 * @param external the device that the opener named for a journal outside, null for none.
 * @throws Unsupported when the journal is elsewhere than named, or another file system's; Corrupt; DeviceError.
 */
export function findLog(alloc: Allocator, external: BlockDevice | null): Log {
  const { volume } = alloc;
  const { superblock, geometry: { blockBytes } } = volume;
  if (superblock.journalInode !== 0) {
    if (external === null) return new Log(volume.device, blockBytes, journalBlocks(alloc));
    throw new Unsupported(EINVAL, "its journal is inside, not on the device that was named");
  }
  if (external !== null) return externalLog(superblock, external);
  throw new Unsupported(EROFS, `its journal is on another device (${nameOf(superblock)}): name it`);
}

/** What the superblock says of a journal on another device. */
function nameOf({ journalUuid, journalDevice }: Superblock): string {
  const digits = [...journalUuid].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const uuid = digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  const major = (journalDevice >>> 8) & 0xfff;
  const minor = (journalDevice & 0xff) | ((journalDevice >>> 12) & 0xfff00);
  return `${major}:${minor}, UUID ${uuid}`;
}

/**
 * The journal on a device of its own: behind a superblock that says whose it is.
 * @throws Unsupported when it is another file system's; Corrupt; DeviceError.
 */
export function externalLog(superblock: Superblock, device: BlockDevice): Log {
  const { blockBytes } = superblock;
  const theirs = readJournalDevice(device);
  const refuse = (text: string): Unsupported => new Unsupported(EINVAL, `the journal ${text}`);
  if (theirs.blockBytes !== blockBytes) {
    throw refuse(`has blocks of ${theirs.blockBytes} bytes, the file system of ${blockBytes}`);
  }
  if (superblock.journalUuid.some((byte, index) => byte !== theirs.uuid[index])) {
    throw refuse("is not this file system's: its UUID is another");
  }
  const blocks = theirs.blocksCount;
  if (blocks > MAX_JOURNAL_BLOCKS || blocks * blockBytes > device.sizeBytes) {
    throw new Corrupt("journal device", "offset 1024", `s_blocks_count ${blocks}`);
  }
  // Blocks of the log have the device's numbers; what is block 0 elsewhere lies behind the superblock.
  const diskBlocks = Float64Array.from({ length: blocks }, (_, block) => block);
  diskBlocks[0] = Math.floor(SUPERBLOCK_OFFSET / blockBytes) + 1;
  const log = new Log(device, blockBytes, diskBlocks);
  const { users, firstBlock } = log.superblock;
  if (users !== 1) throw refuse(`has ${users} users`);
  if (firstBlock <= (diskBlocks[0] ?? 0)) {
    throw new Corrupt("journal superblock", "journal block 0", `s_first ${firstBlock}`);
  }
  return log;
}

function readJournalDevice(device: BlockDevice): Superblock {
  if (device.sizeBytes < SUPERBLOCK_OFFSET + SUPERBLOCK_BYTES) {
    const found = `the device has only ${device.sizeBytes} bytes`;
    throw new Corrupt("journal device", "offset 1024", found);
  }
  const bytes = new Uint8Array(SUPERBLOCK_BYTES);
  device.read(bytes, SUPERBLOCK_OFFSET);
  return decodeJournalDevice(bytes);
}

/**
 * Where the blocks of the journal's inode lie.
 * @returns disk block of each journal block, 0 for a hole.
 * @throws Corrupt, DeviceError
 */
export function journalBlocks(alloc: Allocator): Float64Array {
  const { volume } = alloc;
  const inode = volume.inodes.get(volume.superblock.journalInode);
  const count = Math.floor(inode.size / volume.geometry.blockBytes);
  if (count > MAX_JOURNAL_BLOCKS || !inode.isRegular) {
    throw new Corrupt("journal", `inode ${inode.ino}`, `i_mode or i_size ${inode.size}`);
  }
  const blocks = new Float64Array(count);
  const mapping = newMapping();
  for (let fileBlock = 0; fileBlock < count; fileBlock += mapping.blocks) {
    lookup(alloc, inode, fileBlock, count - fileBlock, mapping);
    if (mapping.diskBlock === 0) continue;
    for (let i = 0; i < mapping.blocks; i++) blocks[fileBlock + i] = mapping.diskBlock + i;
  }
  return blocks;
}
