/**
 * Finding the journal by what the superblock keeps of its inode, for file systems whose other metadata cannot be
 * trusted before the journal is replayed: a change of all checksums that was cut off.
 *
 * @module
 */

import type { BlockDevice } from "../device/device.ts";
import { Log } from "../journal/log.ts";
import { EXTENT_MAGIC } from "../layout/extent.ts";
import { I_BLOCK_BYTES, I_BLOCK_OFFSET, InodeFlag, InodeRecord, S_IFREG } from "../layout/inode.ts";
import type { Superblock } from "../layout/superblock.ts";
import { EditedBlocks } from "./blocks.ts";
import { readFileMap } from "./file_map.ts";

/** Blocks of the largest journal that is used. */
const MAX_JOURNAL_BLOCKS = 10_240_000;
const SIZE_WORDS = [15, 16] as const;

/** The log, if it waits for its replay; undefined if the superblock keeps no place of it. @throws Corrupt */
export function backupLog(device: BlockDevice, superblock: Superblock): Log | undefined {
  const { blockBytes, firstDataBlock, blocksCount } = superblock;
  if (superblock.journalInode === 0 || superblock.journalBackupType !== 1) return undefined;
  const inode = new InodeRecord(superblock.journalInode, {
    inodeBytes: superblock.inodeBytes,
    blockBytes,
    checksumSeed: undefined,
    hugeFile: true,
  });
  inode.mode = S_IFREG;
  inode.size = superblock.journalBackup(SIZE_WORDS[0]) * 0x100000000 +
    superblock.journalBackup(SIZE_WORDS[1]);
  for (let word = 0; word < I_BLOCK_BYTES / 4; word++) {
    inode.view.setUint32(I_BLOCK_OFFSET + 4 * word, superblock.journalBackup(word), true);
  }
  const extents = inode.view.getUint16(I_BLOCK_OFFSET, true) === EXTENT_MAGIC;
  inode.setFlag(InodeFlag.EXTENTS, extents);
  const blocks = Math.floor(inode.size / blockBytes);
  if (blocks === 0 || blocks > MAX_JOURNAL_BLOCKS) return undefined;
  const places = new Float64Array(blocks);
  const map = readFileMap(inode, new EditedBlocks(device, blockBytes), {
    firstDataBlock,
    blocksCount,
  });
  for (const run of map.runs) {
    for (let i = 0; i < run.blocks && run.fileBlock + i < blocks; i++) {
      places[run.fileBlock + i] = run.diskBlock + i;
    }
  }
  const log = new Log(device, blockBytes, places);
  return log.superblock.startBlock === 0 ? undefined : log;
}
